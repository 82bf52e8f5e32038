import type { Clock } from '../core/clock.ts'
import { type VerifiedTokenSet, withoutRefreshToken } from '../tokens/verified-token-set.ts'
import type { SessionContents } from './contents.ts'
import type { SessionEvent } from './events.ts'
import type { Records } from './record.ts'
import {
  behindSession,
  createSession,
  type OpenedSession,
  type Session,
  shortIdOf,
} from './session.ts'
import type { EndReason, SessionStore } from './session-store.ts'

/** Trades a refresh token for new tokens; never rejects for what a provider does. */
export type RenewFunction = (input: {
  readonly refreshToken: string
  readonly tokenSet: VerifiedTokenSet
}) => Promise<RenewOutcome>

/** What came of a renewal at the provider. */
export type RenewOutcome =
  | { readonly kind: 'renewed'; readonly tokenSet: VerifiedTokenSet }
  /** `invalid_grant`: the refresh token is worth nothing any more. */
  | { readonly kind: 'refused' }
  /** Not sent, or refused without being spent: try again later. */
  | { readonly kind: 'not_spent'; readonly retryAfterSeconds?: number }
  /** Sent, and no clear answer came: perhaps spent. */
  | { readonly kind: 'lost' }

/** The access token to use, or why there is none. */
export type AccessTokenResult =
  | { readonly ok: true; readonly accessToken: string; readonly session: Session }
  | { readonly ok: false; readonly reason: 'access_token_expired' | 'signed_out' }
  | {
      readonly ok: false
      readonly reason: 'renewal_unavailable'
      readonly retryAfterSeconds: number
    }

/** What {@link createRenewal} needs. */
export interface RenewalOptions {
  readonly store: SessionStore
  readonly records: Records
  readonly clock: Clock
  readonly idleMs: number
  readonly absoluteMs: number
  readonly renewBeforeMs: number
  readonly graceMs: number
  readonly renew: RenewFunction | undefined
  readonly revoke: (refreshToken: string, id: string) => Promise<void>
  readonly onEvent: (event: SessionEvent) => void
  readonly onEnded: (id: string, reason: EndReason) => void
}

const LEASE_MS = 30_000
const POLL_MS = 15
const DEFAULT_RETRY_SECONDS = 5
const MAX_ROUNDS = 5

/**
 * Renewal, exactly once: one call in flight for a session in this process, one holder of the lease over all,
 * and a mark in the record before the refresh token is sent, so that whoever comes after a crash knows.
 * Nobody's leaving ends it.
 *
 * @see RFC 9700, section 4.14; RFC 6749, section 6
 */
export function createRenewal(options: RenewalOptions): {
  accessToken(session: Session): Promise<AccessTokenResult>
} {
  const { store, records, clock, renew, onEvent } = options
  const inFlight = new Map<string, Promise<AccessTokenResult>>()
  const failedUntil = new Map<string, number>()

  async function accessToken(session: Session): Promise<AccessTokenResult> {
    const { tokenSet } = session
    if (renew === undefined || tokenSet.refreshToken === undefined) return asItIs(session)
    if (!isDue(behindSession(session).contents)) return usable(session)
    if ((failedUntil.get(session.id) ?? 0) > clock()) return later(session)
    const running = inFlight.get(session.id)
    if (running !== undefined) return running
    const started = renewUnderLease(session).finally(() => inFlight.delete(session.id))
    inFlight.set(session.id, started)
    return started
  }

  function isDue({ tokenSet }: SessionContents): boolean {
    const { accessTokenExpiresAt: end, accessTokenReceivedAt: start } = tokenSet
    if (end === undefined) return false
    // A token of a minute must not be renewed at every request.
    const early = Math.min(options.renewBeforeMs, (end - (start ?? end)) / 2)
    return clock() >= end - early
  }

  function asItIs(session: Session): AccessTokenResult {
    const end = session.tokenSet.accessTokenExpiresAt
    if (end !== undefined && clock() >= end) return { ok: false, reason: 'access_token_expired' }
    return usable(session)
  }

  // The old token does until its end; after that, when to try again.
  function later(session: Session): AccessTokenResult {
    const kept = asItIs(session)
    if (kept.ok) return kept
    const waitMs = (failedUntil.get(session.id) ?? 0) - clock()
    const retryAfterSeconds = Math.max(1, Math.ceil(waitMs / 1000))
    return { ok: false, reason: 'renewal_unavailable', retryAfterSeconds }
  }

  async function renewUnderLease(session: Session): Promise<AccessTokenResult> {
    const deadline = Date.now() + LEASE_MS
    for (;;) {
      const fencingNumber = await store.acquireLease(session.id, LEASE_MS)
      if (fencingNumber !== undefined) {
        try {
          return await renewNow(session)
        } finally {
          await store.releaseLease(session.id, fencingNumber)
        }
      }
      // Another process renews: its result is in the record.
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
      const current = await reread(session)
      if (current === undefined) return signedOut()
      if (!isDue(current.contents)) return usable(sessionOf(current))
      if (Date.now() > deadline) return later(session)
    }
  }

  async function renewNow(session: Session): Promise<AccessTokenResult> {
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      const current = await reread(session)
      if (current === undefined) return signedOut()
      const { contents } = current
      const { refreshToken } = contents.tokenSet
      if (refreshToken === undefined) return asItIs(sessionOf(current))
      if (!isDue(contents)) return usable(sessionOf(current))
      // Somebody sent it, and died before the answer was written.
      if (
        contents.renewalSentAt !== undefined &&
        clock() - contents.renewalSentAt >= options.graceMs
      ) {
        const settled = await giveUpRefreshToken(current)
        if (settled !== undefined) return asItIs(settled)
        continue
      }
      const marked = await write(current, {
        ...contents,
        renewalSentAt: contents.renewalSentAt ?? clock(),
      })
      if (marked === undefined) continue
      const result = await callProvider(marked, refreshToken)
      if (result !== 'again') return result
    }
    return later(session)
  }

  async function callProvider(
    marked: OpenedSession,
    refreshToken: string,
  ): Promise<AccessTokenResult | 'again'> {
    const { id } = marked.stored
    const outcome = await (renew?.({ refreshToken, tokenSet: marked.contents.tokenSet }) ??
      notSpent())
    if (outcome.kind === 'renewed') return keep(marked, outcome.tokenSet)
    onEvent({ type: 'session.renewal_failed', session: shortIdOf(id), reason: outcome.kind })
    if (outcome.kind === 'refused') return refused(marked)
    if (outcome.kind === 'lost') {
      // Within the provider's grace the same token is good once more, and the mark says since when.
      const sentAt = marked.contents.renewalSentAt ?? 0
      if (clock() - sentAt < options.graceMs) return 'again'
      const settled = await giveUpRefreshToken(marked)
      return settled === undefined ? 'again' : asItIs(settled)
    }
    remember(id, outcome.retryAfterSeconds)
    const { renewalSentAt: _, ...contents } = marked.contents
    const cleared = await write(marked, contents)
    return cleared === undefined ? 'again' : later(sessionOf(cleared))
  }

  async function keep(
    marked: OpenedSession,
    tokenSet: VerifiedTokenSet,
  ): Promise<AccessTokenResult | 'again'> {
    const { renewalSentAt: _, ...contents } = marked.contents
    const kept = await write(marked, { ...contents, tokenSet })
    const { id } = marked.stored
    if (kept !== undefined) {
      onEvent({ type: 'session.renewed', session: shortIdOf(id) })
      return usable(sessionOf(kept))
    }
    const reason = await store.endingOf(id)
    // An ended session stays ended, and what it was just given must not outlive it. One person's sessions
    // from one provider share a grant, so a session that was only replaced keeps its hands off it.
    const { refreshToken } = tokenSet
    if (reason !== 'replaced' && refreshToken !== undefined) await options.revoke(refreshToken, id)
    return signedOut()
  }

  async function refused(marked: OpenedSession): Promise<AccessTokenResult> {
    const current = await reread(sessionOf(marked))
    if (current === undefined) return signedOut()
    // Somebody else renewed meanwhile: theirs is the newer token.
    if (current.stored.version !== marked.stored.version) return asItIs(sessionOf(current))
    const { id } = marked.stored
    if ((await store.delete(id, 'renewal_refused')) !== undefined)
      options.onEnded(id, 'renewal_refused')
    return signedOut()
  }

  // A retry outside the grace would look like theft and end every session of the grant.
  async function giveUpRefreshToken(current: OpenedSession): Promise<Session | undefined> {
    const { renewalSentAt: _, ...contents } = current.contents
    const settled = await write(current, {
      ...contents,
      tokenSet: withoutRefreshToken(contents.tokenSet),
    })
    return settled === undefined ? undefined : sessionOf(settled)
  }

  async function reread(session: Session): Promise<OpenedSession | undefined> {
    const stored = await store.get(session.id)
    if (stored === undefined) return undefined
    const { dataKey } = behindSession(session)
    const contents = records.reopen(stored, dataKey)
    return contents === undefined ? undefined : { stored, contents, dataKey }
  }

  async function write(
    current: OpenedSession,
    contents: SessionContents,
  ): Promise<OpenedSession | undefined> {
    const { stored, dataKey } = current
    const version = stored.version + 1
    const body = records.reseal(dataKey, stored.id, version, contents)
    const next = { ...stored, version, body }
    return (await store.replace(next, stored.version))
      ? { stored: next, contents, dataKey }
      : undefined
  }

  function sessionOf(opened: OpenedSession): Session {
    return createSession(opened, options.idleMs, options.absoluteMs)
  }

  function remember(id: string, retryAfterSeconds: number | undefined): void {
    const now = clock()
    for (const [known, until] of failedUntil) if (until <= now) failedUntil.delete(known)
    failedUntil.set(id, now + (retryAfterSeconds ?? DEFAULT_RETRY_SECONDS) * 1000)
  }

  return { accessToken }
}

function usable(session: Session): AccessTokenResult {
  return { ok: true, accessToken: session.tokenSet.accessToken, session }
}

function signedOut(): AccessTokenResult {
  return { ok: false, reason: 'signed_out' }
}

function notSpent(): RenewOutcome {
  return { kind: 'not_spent' }
}
