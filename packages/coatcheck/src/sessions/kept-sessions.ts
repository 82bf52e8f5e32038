import type { Clock } from '../core/clock.ts'
import { withoutRefreshToken } from '../tokens/verified-token-set.ts'
import type { RenewalNote } from './card.ts'
import type { SessionContents } from './contents.ts'
import type { EndedSessions } from './ended-sessions.ts'
import type { Lifetimes } from './lifetimes.ts'
import type { PackedContents } from './packed-contents.ts'
import type { RenewalPlace } from './renewal-place.ts'
import { hasSameTokens, saysSame } from './same-state.ts'
import { behindSession, createSession, type Session, type SessionState } from './session.ts'
import type { EndReason } from './session-store.ts'
import { createSpentTokens } from './spent-tokens.ts'

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
  /** What a cookie really stands for by now; whatever it shows, its browser has. */
  newest(found: SessionState): SessionState
  /** The same for a state that no cookie showed just now. */
  current(state: SessionState): SessionState
  /** A session is over, and nothing of it is needed any more. */
  forget(id: string): void
}

// A request may wait in a browser's queue with the cookie of before, although the new one was used already.
const KEPT_AFTER_SEEN_MS = 120_000
const MAX_KEPT = 10_000
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
  const spent = createSpentTokens()
  const unseen = new Map<string, SessionState>()
  // In the order in which they were seen.
  const seen = new Map<string, { readonly state: SessionState; readonly at: number }>()
  const leased = new Set<string>()
  let versions = FIRST_VERSION

  function stateOfId(id: string): SessionState | undefined {
    return unseen.get(id) ?? seen.get(id)?.state
  }

  function newest(found: SessionState): SessionState {
    const waiting = unseen.get(found.id)
    if (waiting !== undefined && saysSame(waiting.contents, found.contents)) {
      unseen.delete(found.id)
      seen.set(found.id, { state: waiting, at: clock() })
    }
    return current(found)
  }

  function current(state: SessionState): SessionState {
    const known = stateOfId(state.id)
    if (known !== undefined) return { ...known, lastSeenAt: state.lastSeenAt }
    return spent.has(state.contents.tokenSet) ? withoutSpent(state) : state
  }

  async function reread(session: Session): Promise<SessionState | undefined> {
    if (ended.reasonOf(session.id) !== undefined) return undefined
    return stateOfId(session.id) ?? behindSession(session)
  }

  async function write(
    current: SessionState,
    contents: SessionContents,
  ): Promise<SessionState | undefined> {
    const { id, version } = current
    const known = stateOfId(id) ?? current
    if (known.version !== version || ended.reasonOf(id) !== undefined) return undefined
    versions += 1
    const state = { ...current, version: versions, contents }
    forget(id)
    unseen.set(id, state)
    if (!hasSameTokens(contents.tokenSet, current.contents.tokenSet)) {
      spent.add(current.contents.tokenSet)
    }
    makeRoom()
    return state
  }

  function forget(id: string): void {
    unseen.delete(id)
    seen.delete(id)
  }

  // What was seen goes first, then what is over, then the oldest. Whoever is being renewed stays.
  function makeRoom(): void {
    const now = clock()
    for (const [id, { at }] of seen) {
      if (now - at <= KEPT_AFTER_SEEN_MS && unseen.size + seen.size <= maxEntries) break
      if (!leased.has(id)) seen.delete(id)
    }
    for (const [id, { contents }] of unseen) {
      if (now < contents.absoluteEndsAt && unseen.size <= maxEntries) break
      if (!leased.has(id)) unseen.delete(id)
    }
  }

  return {
    newest,
    current,
    forget,
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

function withoutSpent(state: SessionState): SessionState {
  const { contents } = state
  return { ...state, contents: { ...contents, tokenSet: withoutRefreshToken(contents.tokenSet) } }
}
