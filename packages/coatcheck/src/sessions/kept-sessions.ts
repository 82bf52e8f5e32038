import type { Clock } from '../core/clock.ts'
import { withoutRefreshToken } from '../tokens/verified-token-set.ts'
import type { RenewalNote } from './card.ts'
import type { EndedSessions } from './ended-sessions.ts'
import type { Lifetimes } from './lifetimes.ts'
import type { PackedContents } from './packed-contents.ts'
import type { RenewalPlace } from './renewal-place.ts'
import { hasSameTokens } from './same-tokens.ts'
import { behindSession, createSession, type Session, type SessionState } from './session.ts'
import type { EndReason } from './session-store.ts'

/** What {@link createKeptSessions} needs. */
export interface KeptSessionsOptions {
  readonly ended: EndedSessions
  readonly lifetimes: Lifetimes
  readonly clock: Clock
  readonly onEnded: (state: SessionState, reason: EndReason, last: RenewalNote) => void
  /** How many renewed sessions are kept until their browsers show the new tokens. Default: 10,000. */
  readonly maxEntries?: number
}

/** What one process knows of sessions that lie in cookies: their newest tokens, until the cookies have them. */
export interface KeptSessions extends RenewalPlace<SessionState> {
  /** What a cookie that was sealed then really stands for by now. */
  newest(found: SessionState): SessionState
  /** When the tokens of a session were last renewed here: what is sealed later must be newer. */
  renewedAt(id: string): number | undefined
}

interface Kept {
  readonly state: SessionState
  /** When a cookie first came with these tokens. */
  seenAt?: number
}

// A request may wait in a browser's queue with the cookie of before, although the new one was used already.
const KEPT_AFTER_SEEN_MS = 120_000
const MAX_KEPT = 10_000
const MAX_RENEWALS = 100_000
const FIRST_VERSION = 1
const FENCING_NUMBER = 1

/**
 * Renewal for sessions in cookies, within one process: the successor of spent tokens is kept until a request shows that
 * the browser has it. A cookie with a refresh token that was spent here counts as one without, however late it comes:
 * sent again it would look like theft, and end the whole grant.
 *
 * @see RFC 9700, section 4.14.2
 */
export function createKeptSessions(options: KeptSessionsOptions): KeptSessions {
  const { ended, lifetimes, clock, maxEntries = MAX_KEPT } = options
  const kept = new Map<string, Kept>()
  const renewals = new Map<string, number>()
  const leased = new Set<string>()

  function newest(found: SessionState): SessionState {
    const known = kept.get(found.id)
    if (known === undefined) return isSpent(found) ? withoutSpent(found) : found
    if (isSame(known.state, found)) known.seenAt ??= clock()
    return { ...known.state, lastSeenAt: found.lastSeenAt }
  }

  function isSpent({ id, lastSeenAt }: SessionState): boolean {
    return lastSeenAt <= (renewals.get(id) ?? Number.NEGATIVE_INFINITY)
  }

  async function reread(session: Session): Promise<SessionState | undefined> {
    if (ended.reasonOf(session.id) !== undefined) return undefined
    return kept.get(session.id)?.state ?? behindSession(session)
  }

  async function write(
    current: SessionState,
    contents: SessionState['contents'],
  ): Promise<SessionState | undefined> {
    const { id, version } = current
    const known = kept.get(id)?.state ?? current
    if (known.version !== version || ended.reasonOf(id) !== undefined) return undefined
    const state = { ...current, version: version + 1, contents }
    kept.delete(id)
    kept.set(id, { state })
    if (!isSame(state, current)) note(id)
    forget()
    return state
  }

  function note(id: string): void {
    renewals.delete(id)
    renewals.set(id, clock())
    const oldest = renewals.size > MAX_RENEWALS ? renewals.keys().next().value : undefined
    if (oldest !== undefined) renewals.delete(oldest)
  }

  // A few of the oldest each time. Whoever is being renewed stays.
  function forget(): void {
    let looked = 0
    for (const [id, { state, seenAt = Number.POSITIVE_INFINITY }] of kept) {
      const isDone =
        clock() - seenAt > KEPT_AFTER_SEEN_MS || clock() >= state.contents.absoluteEndsAt
      const isBeyond = kept.size > maxEntries
      if (!leased.has(id) && (isDone || isBeyond)) kept.delete(id)
      looked += 1
      if (looked >= 8 && kept.size <= maxEntries) return
    }
  }

  return {
    newest,
    renewedAt: (id) => renewals.get(id),
    reread,
    write,
    // Memory answers always.
    writeSurely: write,
    surely: (work) => work(),
    sessionOf: (state) => createSession(state, lifetimes.of(state.contents)),
    end: async (state, reason, last) => options.onEnded(state, reason, last),
    endingOf: (id) => ended.reasonOf(id),
    // One renewal of a session at a time is the caller's doing; what is under way is not forgotten.
    acquireLease: (id) => {
      leased.add(id)
      return FENCING_NUMBER
    },
    releaseLease: (id) => void leased.delete(id),
  }
}

/** A session as its cookie says it. */
export function stateOf({ id, sealedAt, ...contents }: PackedContents): SessionState {
  return { id, version: FIRST_VERSION, lastSeenAt: sealedAt, contents }
}

function isSame(one: SessionState, other: SessionState): boolean {
  return hasSameTokens(one.contents.tokenSet, other.contents.tokenSet)
}

function withoutSpent(state: SessionState): SessionState {
  const { contents } = state
  return { ...state, contents: { ...contents, tokenSet: withoutRefreshToken(contents.tokenSet) } }
}
