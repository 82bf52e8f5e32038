import type { Clock } from '../core/clock.ts'
import { CoatcheckError } from '../core/errors.ts'
import { type VerifiedTokenSet, withoutRefreshToken } from '../tokens/verified-token-set.ts'
import type { RenewalNote } from './card.ts'
import type { CircuitBreaker } from './circuit-breaker.ts'
import type { SessionContents } from './contents.ts'
import type { SessionEvent } from './events.ts'
import type { RenewFunction, RenewOutcome } from './renewal.ts'
import type { RenewalPlace } from './renewal-place.ts'
import { retryAt } from './renewal-timing.ts'
import { hasSameTokens } from './same-state.ts'
import { type Session, type SessionState, shortIdOf } from './session.ts'

/** What {@link createRenewalTurn} needs, its caller's part aside. */
export interface RenewalTurnOptions<S extends SessionState> {
  readonly place: RenewalPlace<S>
  readonly clock: Clock
  readonly graceMs: number
  /** What renewal history calls this process. */
  readonly processName: string
  readonly breaker: CircuitBreaker
  /** A number from 0 to 1. */
  readonly jitter: () => number
  readonly renew: RenewFunction | undefined
  readonly revoke: (refreshToken: string, id: string) => Promise<void>
  readonly onEvent: (event: SessionEvent) => void
}

/** What came of a turn. */
export type TurnResult =
  | { readonly kind: 'renewed'; readonly session: Session }
  /** Somebody else did, or there is nothing to renew with: as good as it gets. */
  | { readonly kind: 'settled'; readonly session: Session }
  /** Nothing was spent: try again so much later. */
  | { readonly kind: 'later'; readonly session: Session; readonly waitMs: number }
  | { readonly kind: 'ended' }
  /** The store failed before anything was sent; the lease must be held until `cleared`. */
  | { readonly kind: 'failed'; readonly error: unknown; readonly cleared: Promise<void> }

const MAX_ROUNDS = 5
const RETRY_MS = 5000

/** One turn of the holder of the lease: look, mark, ask, write. */
export function createRenewalTurn<S extends SessionState>(
  options: RenewalTurnOptions<S> & {
    readonly isDue: (contents: SessionContents, id: string) => boolean
  },
): (session: Session) => Promise<TurnResult> {
  const { place, clock, breaker, onEvent, isDue } = options
  const { reread, write, writeSurely, surely, sessionOf } = place

  async function takeTurn(session: Session): Promise<TurnResult> {
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      const current = await reread(session)
      if (current === undefined) return { kind: 'ended' }
      const { contents, id } = current
      const { refreshToken } = contents.tokenSet
      if (refreshToken === undefined || !isDue(contents, id)) return settled(current)
      // Somebody sent it, and died before the answer was written.
      if (contents.renewalSentAt !== undefined && !isWithinGrace(contents.renewalSentAt)) {
        const given = await giveUpRefreshToken(current, note('given_up', 'no_answer_recorded'))
        if (given !== undefined) return settled(given)
        continue
      }
      if (!breaker.admit()) return later(current, breaker.waitMs())
      const renewalSentAt = contents.renewalSentAt ?? clock()
      let marked: S | undefined
      try {
        marked = await write(current, { ...contents, renewalSentAt })
      } catch (error) {
        // Perhaps it is written all the same, and nothing will be sent.
        return { kind: 'failed', error, cleared: clearMark(current) }
      }
      if (marked === undefined) continue
      const result = await callProvider(marked, refreshToken)
      if (result !== 'again') return result
    }
    return { kind: 'later', session, waitMs: RETRY_MS }
  }

  // A mark that stayed would cost the refresh token: whoever finds it must take it for spent.
  async function clearMark(before: S): Promise<void> {
    try {
      const current = await surely(() => reread(sessionOf(before)))
      if (current?.version !== before.version + 1) return
      await writeSurely(current, before.contents)
    } catch (error) {
      if (!(error instanceof CoatcheckError)) throw error
    }
  }

  // A mark of the future comes from a clock that is ahead: how old it is, nobody knows.
  function isWithinGrace(sentAt: number): boolean {
    const age = clock() - sentAt
    return age >= 0 && age < options.graceMs
  }

  async function callProvider(marked: S, refreshToken: string): Promise<TurnResult | 'again'> {
    const { tokenSet, renewalSentAt = 0 } = marked.contents
    const outcome = await ask(refreshToken, tokenSet)
    if (outcome.kind === 'renewed') {
      breaker.answered()
      return keep(marked, outcome.tokenSet)
    }
    const failure = note(outcome.kind, outcome.why)
    tellBreaker(outcome)
    tellFailure(marked, failure)
    if (outcome.kind === 'refused') return refused(marked, failure)
    if (outcome.kind === 'not_spent') return tryLater(marked, outcome.retryAfterSeconds, failure)
    // Within the provider's grace the same token is good once more, and the mark says since when.
    if (isWithinGrace(renewalSentAt)) return 'again'
    const given = await giveUpRefreshToken(marked, failure)
    return given === undefined ? 'again' : settled(given)
  }

  // Whatever goes wrong without an outcome may have gone wrong after the token was spent.
  async function ask(refreshToken: string, tokenSet: VerifiedTokenSet): Promise<RenewOutcome> {
    try {
      return (await options.renew?.({ refreshToken, tokenSet })) ?? { kind: 'not_spent' }
    } catch {
      return { kind: 'lost', why: 'internal_error' }
    }
  }

  function tellBreaker(outcome: RenewOutcome & { readonly why?: string }): void {
    if (outcome.kind === 'refused' || outcome.why?.startsWith('invalid_') === true) {
      breaker.answered()
    } else if (outcome.kind === 'not_spent' && outcome.everyone === true) {
      breaker.failed((outcome.retryAfterSeconds ?? 1) * 1000)
    } else breaker.failed()
  }

  async function keep(marked: S, tokenSet: VerifiedTokenSet): Promise<TurnResult> {
    const { id } = marked
    let newest: S | undefined = marked
    // Our lease may have run out, and a successor have given the spent token up: the new one goes on top.
    while (newest !== undefined && mayStillKeep(newest, marked)) {
      const contents = { ...withoutMarks(newest.contents), tokenSet }
      const kept = await writeSurely(newest, contents, note('renewed'))
      if (kept !== undefined) return renewed(kept)
      newest = await surely(() => reread(sessionOf(marked)))
    }
    if (newest !== undefined && hasSameTokens(newest.contents.tokenSet, tokenSet)) {
      // Our write was done although the store did not say so.
      return renewed(newest)
    }
    if (newest !== undefined) return settled(newest)
    const reason = await place.endingOf(id)
    // An ended session stays ended, and what it was just given must not outlive it. One person's sessions
    // from one provider share a grant, so a session that was only replaced keeps its hands off it.
    const { refreshToken } = tokenSet
    if (reason !== 'replaced' && refreshToken !== undefined) await options.revoke(refreshToken, id)
    onEvent({ type: 'session.renewal_discarded', session: shortIdOf(id) })
    return { kind: 'ended' }
  }

  function mayStillKeep(newest: S, marked: S): boolean {
    const { refreshToken } = newest.contents.tokenSet
    return refreshToken === undefined || refreshToken === marked.contents.tokenSet.refreshToken
  }

  async function refused(marked: S, last: RenewalNote): Promise<TurnResult> {
    const current = await reread(sessionOf(marked))
    if (current === undefined) return { kind: 'ended' }
    // Somebody else renewed meanwhile: theirs is the newer token.
    if (current.version !== marked.version) return settled(current)
    await place.end(marked, 'renewal_refused', last)
    return { kind: 'ended' }
  }

  async function tryLater(
    marked: S,
    retryAfterSeconds: number | undefined,
    failure: RenewalNote,
  ): Promise<TurnResult | 'again'> {
    const renewalFailures = (marked.contents.renewalFailures ?? 0) + 1
    const renewalRetryAt = retryAt(clock(), renewalFailures, retryAfterSeconds, options.jitter)
    const contents = { ...withoutMarks(marked.contents), renewalFailures, renewalRetryAt }
    const cleared = await writeSurely(marked, contents, failure)
    return cleared === undefined ? 'again' : later(cleared, renewalRetryAt - clock())
  }

  // A retry outside the grace would look like theft and end every session of the grant.
  function giveUpRefreshToken(current: S, why: RenewalNote): Promise<S | undefined> {
    if (why.outcome === 'given_up') tellFailure(current, why)
    const contents = withoutMarks(current.contents)
    const tokenSet = withoutRefreshToken(contents.tokenSet)
    return writeSurely(current, { ...contents, tokenSet }, why)
  }

  function note(outcome: RenewalNote['outcome'], why?: string): RenewalNote {
    const { processName: by } = options
    return { at: clock(), by, outcome, ...(why === undefined ? {} : { why }) }
  }

  function tellFailure({ id }: S, { outcome, why }: RenewalNote): void {
    if (outcome === 'renewed') return
    const session = shortIdOf(id)
    const cause = why === undefined ? {} : { why }
    onEvent({ type: 'session.renewal_failed', session, reason: outcome, ...cause })
  }

  function renewed(current: S): TurnResult {
    onEvent({ type: 'session.renewed', session: shortIdOf(current.id) })
    return { kind: 'renewed', session: sessionOf(current) }
  }

  function settled(current: S): TurnResult {
    return { kind: 'settled', session: sessionOf(current) }
  }

  function later(current: S, waitMs: number): TurnResult {
    return { kind: 'later', session: sessionOf(current), waitMs }
  }

  return takeTurn
}

function withoutMarks(contents: SessionContents): SessionContents {
  const {
    renewalSentAt: _sent,
    renewalFailures: _failures,
    renewalRetryAt: _at,
    ...rest
  } = contents
  return rest
}
