import type { Clock } from '../core/clock.ts'
import { CoatcheckError } from '../core/errors.ts'
import type { MaybePromise } from '../core/maybe-promise.ts'
import { type VerifiedTokenSet, withoutRefreshToken } from '../tokens/verified-token-set.ts'
import type { SessionContents } from './contents.ts'
import type { SessionEvent } from './events.ts'
import { createRewriting, type RewritingOptions } from './rewriting.ts'
import { behindSession, type OpenedSession, type Session, shortIdOf } from './session.ts'
import type { EndReason } from './session-store.ts'

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
export interface RenewalOptions extends RewritingOptions {
  readonly clock: Clock
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
const MAX_RETRY_SECONDS = 300
const MAX_ROUNDS = 5

/**
 * Renewal, exactly once: one call in flight for a session in this process, one holder of the lease over all,
 * and a mark in the record before the refresh token is sent, so that whoever comes after a crash knows.
 * Nobody's leaving ends it.
 *
 * @see RFC 9700, section 4.14; RFC 6749, section 6
 */
export function createRenewal(options: RenewalOptions): {
  accessToken(session: Session): MaybePromise<AccessTokenResult>
} {
  const { store, clock, renew, onEvent } = options
  const { reread, write, writeSurely, sessionOf } = createRewriting(options)
  const inFlight = new Map<string, Promise<AccessTokenResult>>()
  const failedUntil = new Map<string, number>()

  function accessToken(session: Session): MaybePromise<AccessTokenResult> {
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
    for (let polls = 0; polls * POLL_MS < LEASE_MS; polls += 1) {
      const fencingNumber = await store.acquireLease(session.id, LEASE_MS)
      if (fencingNumber !== undefined) {
        try {
          return await renewNow(session)
        } finally {
          await letGo(session.id, fencingNumber)
        }
      }
      // Another process renews: its result is in the record.
      await pause(POLL_MS)
      const current = await reread(session)
      if (current === undefined) return signedOut()
      if (!isDue(current.contents)) return usable(sessionOf(current))
    }
    return later(session)
  }

  // A lease that cannot be let go ends by itself: no reason to lose what was renewed under it.
  async function letGo(id: string, fencingNumber: number): Promise<void> {
    try {
      await store.releaseLease(id, fencingNumber)
    } catch (error) {
      if (!(error instanceof CoatcheckError)) throw error
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
    const outcome = await ask(refreshToken, marked.contents.tokenSet)
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

  // Whatever goes wrong without an outcome may have gone wrong after the token was spent.
  async function ask(refreshToken: string, tokenSet: VerifiedTokenSet): Promise<RenewOutcome> {
    try {
      return (await renew?.({ refreshToken, tokenSet })) ?? { kind: 'not_spent' }
    } catch {
      return { kind: 'lost' }
    }
  }

  async function keep(
    marked: OpenedSession,
    tokenSet: VerifiedTokenSet,
  ): Promise<AccessTokenResult> {
    const { id } = marked.stored
    let newest: OpenedSession | undefined = marked
    // Our lease may have run out, and a successor have given the spent token up: the new one goes on top.
    while (newest !== undefined && mayStillKeep(newest, marked)) {
      const { renewalSentAt: _, ...contents } = newest.contents
      const kept = await writeSurely(newest, { ...contents, tokenSet })
      if (kept !== undefined) {
        onEvent({ type: 'session.renewed', session: shortIdOf(id) })
        return usable(sessionOf(kept))
      }
      newest = await reread(sessionOf(marked))
    }
    if (newest !== undefined) return asItIs(sessionOf(newest))
    const reason = await store.endingOf(id)
    // An ended session stays ended, and what it was just given must not outlive it. One person's sessions
    // from one provider share a grant, so a session that was only replaced keeps its hands off it.
    const { refreshToken } = tokenSet
    if (reason !== 'replaced' && refreshToken !== undefined) await options.revoke(refreshToken, id)
    return signedOut()
  }

  function mayStillKeep(newest: OpenedSession, marked: OpenedSession): boolean {
    const { refreshToken } = newest.contents.tokenSet
    return refreshToken === undefined || refreshToken === marked.contents.tokenSet.refreshToken
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

  function remember(id: string, retryAfterSeconds: number | undefined): void {
    const now = clock()
    for (const [known, until] of failedUntil) if (until <= now) failedUntil.delete(known)
    const seconds = Math.min(retryAfterSeconds ?? DEFAULT_RETRY_SECONDS, MAX_RETRY_SECONDS)
    failedUntil.set(id, now + seconds * 1000)
  }

  return { accessToken }
}

function usable(session: Session): AccessTokenResult {
  return { ok: true, accessToken: session.tokenSet.accessToken, session }
}

function signedOut(): AccessTokenResult {
  return { ok: false, reason: 'signed_out' }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
