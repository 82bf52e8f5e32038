import { CoatcheckError } from '../core/errors.ts'
import type { MaybePromise } from '../core/maybe-promise.ts'
import type { VerifiedTokenSet } from '../tokens/verified-token-set.ts'
import type { CircuitBreaker } from './circuit-breaker.ts'
import type { SessionContents } from './contents.ts'
import type { Notices } from './notices.ts'
import { isHeldBack, renewalDueAt } from './renewal-timing.ts'
import { createRenewalTurn, type RenewalTurnOptions } from './renewal-turn.ts'
import { behindSession, type Session, type SessionState } from './session.ts'

/** Trades a refresh token for new tokens; never rejects for what a provider does. */
export type RenewFunction = (input: {
  readonly refreshToken: string
  readonly tokenSet: VerifiedTokenSet
}) => Promise<RenewOutcome>

/** What came of a renewal at the provider; `why` is for operators. */
export type RenewOutcome =
  | { readonly kind: 'renewed'; readonly tokenSet: VerifiedTokenSet }
  /** `invalid_grant`: the refresh token is worth nothing any more. */
  | { readonly kind: 'refused'; readonly why?: string }
  /** Not sent, or refused without being spent: try again later. */
  | {
      readonly kind: 'not_spent'
      readonly retryAfterSeconds?: number
      /** Said of all our renewals, not of one token. */
      readonly everyone?: boolean
      readonly why?: string
    }
  /** Sent, and no clear answer came: perhaps spent. */
  | { readonly kind: 'lost'; readonly why?: string }

/** The access token to use, or why there is none. */
export type AccessTokenResult =
  | { readonly ok: true; readonly accessToken: string; readonly session: Session }
  | { readonly ok: false; readonly reason: 'access_token_expired' | 'signed_out' }
  | {
      readonly ok: false
      readonly reason: 'renewal_unavailable'
      readonly retryAfterSeconds: number
    }

/** Sees to it that a session has an access token that is good. */
export interface Renewal {
  accessToken(session: Session): MaybePromise<AccessTokenResult>
}

/** What {@link createRenewal} needs. */
export interface RenewalOptions<S extends SessionState> extends RenewalTurnOptions<S> {
  readonly renewBeforeMs: number
  readonly notices: Notices
  readonly breaker: CircuitBreaker
}

/** Longer than a call to the provider may take, and all around it. */
const LEASE_MS = 30_000
// Where the store tells when a lease is let go, looking is only for what it could not tell.
const POLL_MS = 10
const POLL_JITTER_MS = 10
const POLL_WITH_NOTICES_MS = 250
/** As long as the old token lasts, nobody waits longer for the new one. */
const PATIENCE_MS = 1000
const MAX_WAIT_MS = 12_000

/**
 * Renewal, exactly once: one call in flight for a session in this process, one holder of the lease over all,
 * and a mark in the record before the refresh token is sent, so that whoever comes after a crash knows.
 * Nobody's leaving ends it.
 *
 * @see RFC 9700, section 4.14; RFC 6749, section 6
 */
export function createRenewal<S extends SessionState>(options: RenewalOptions<S>): Renewal {
  const { place, clock, notices, breaker } = options
  const takeTurn = createRenewalTurn({ ...options, isDue })
  const inFlight = new Map<string, Promise<AccessTokenResult>>()

  function accessToken(session: Session): MaybePromise<AccessTokenResult> {
    const { contents } = behindSession(session)
    if (options.renew === undefined || contents.tokenSet.refreshToken === undefined) {
      return asItIs(session)
    }
    if (!isDue(contents, session.id)) return usable(session)
    const running = inFlight.get(session.id)
    if (running !== undefined) return patiently(session, running)
    if (isHeldBack(contents, clock())) return heldBack(session)
    if (breaker.isOpen()) return later(session, breaker.waitMs())
    const started = renewUnderLease(session).finally(() => inFlight.delete(session.id))
    inFlight.set(session.id, started)
    return patiently(session, started)
  }

  function isDue({ tokenSet }: SessionContents, id: string): boolean {
    const dueAt = renewalDueAt(tokenSet, id, options.renewBeforeMs)
    return dueAt !== undefined && clock() >= dueAt
  }

  function asItIs(session: Session): AccessTokenResult {
    const end = session.tokenSet.accessTokenExpiresAt
    if (end !== undefined && clock() >= end) return { ok: false, reason: 'access_token_expired' }
    return usable(session)
  }

  // The old token does until its end; after that, when to try again.
  function later(session: Session, waitMs: number): AccessTokenResult {
    const kept = asItIs(session)
    if (kept.ok) return kept
    const retryAfterSeconds = Math.max(1, Math.ceil(waitMs / 1000))
    return { ok: false, reason: 'renewal_unavailable', retryAfterSeconds }
  }

  function heldBack(session: Session): AccessTokenResult {
    const { renewalRetryAt = 0 } = behindSession(session).contents
    return later(session, renewalRetryAt - clock())
  }

  // A slow provider must not make a page slow while the old token is good, nor hold a request for ever. The
  // renewal goes on, whoever waits.
  function patiently(
    session: Session,
    running: Promise<AccessTokenResult>,
  ): Promise<AccessTokenResult> {
    return new Promise((resolve, reject) => {
      const wait = (ms: number, onTime: () => void) => setTimeout(onTime, ms)
      let timer = wait(PATIENCE_MS, () => {
        const kept = asItIs(session)
        if (kept.ok) return resolve(kept)
        timer = wait(MAX_WAIT_MS, () => resolve(later(session, PATIENCE_MS)))
      })
      running.then(resolve, reject).finally(() => clearTimeout(timer))
    })
  }

  async function renewUnderLease(session: Session): Promise<AccessTokenResult> {
    const { id } = session
    let newest = session
    const listening = notices.listenFor(id)
    try {
      for (const until = performance.now() + LEASE_MS + MAX_WAIT_MS; performance.now() < until; ) {
        const fencingNumber = await place.acquireLease(id, LEASE_MS)
        if (fencingNumber !== undefined) return await holdingLease(newest, fencingNumber)
        // Another process renews: what came of it is in the record.
        const pollMs = POLL_MS + Math.random() * POLL_JITTER_MS
        await listening.news(notices.live ? POLL_WITH_NOTICES_MS : pollMs)
        const current = await place.reread(newest)
        if (current === undefined) return { ok: false, reason: 'signed_out' }
        newest = place.sessionOf(current)
        if (current.contents.tokenSet.refreshToken === undefined) return asItIs(newest)
        if (!isDue(current.contents, id)) return usable(newest)
        if (isHeldBack(current.contents, clock())) return heldBack(newest)
      }
      return later(newest, PATIENCE_MS)
    } finally {
      listening.stop()
    }
  }

  async function holdingLease(session: Session, fencingNumber: number): Promise<AccessTokenResult> {
    let cleared = Promise.resolve()
    try {
      const turn = await takeTurn(session)
      switch (turn.kind) {
        case 'renewed':
          return usable(turn.session)
        case 'settled':
          return asItIs(turn.session)
        case 'later':
          return later(turn.session, turn.waitMs)
        case 'ended':
          return { ok: false, reason: 'signed_out' }
        case 'failed':
          cleared = turn.cleared
          throw turn.error
      }
    } finally {
      // Nobody waits for what is cleared, and nobody else takes a turn meanwhile.
      void cleared.then(() => letGo(session.id, fencingNumber))
    }
  }

  // A lease that cannot be let go ends by itself: no reason to lose what was renewed under it.
  async function letGo(id: string, fencingNumber: number): Promise<void> {
    try {
      await place.releaseLease(id, fencingNumber)
    } catch (error) {
      if (!(error instanceof CoatcheckError)) throw error
    }
  }

  return { accessToken }
}

function usable(session: Session): AccessTokenResult {
  return { ok: true, accessToken: session.tokenSet.accessToken, session }
}
