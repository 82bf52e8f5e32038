import { CoatcheckError } from '../core/errors.ts'
import type { AnswerReader, ReadAnswer } from './answer-reader.ts'
import type { GrantLedger } from './grant-ledger.ts'
import { present } from './kept-tokens.ts'
import type { ProviderCalls, TokenAnswer } from './provider-calls.ts'
import type { Held, Shelf } from './shelf.ts'
import { isDue } from './token-times.ts'

/** What {@link renewInTurn} works with. */
export interface RenewalPlace {
  readonly shelf: Shelf
  readonly calls: ProviderCalls
  readonly reader: () => Promise<AnswerReader>
  readonly clock: () => number
  readonly ledger: GrantLedger
  /** Whether what another tab has written comes into sight here. */
  readonly isShared: boolean
}

const READ_TRIES = 3
const READ_PAUSE_MS = 2000
const RETRY_AFTER_SECONDS = 5
const SIGHT_MS = 5000
const SIGHT_PAUSE_MS = 20

/**
 * Trades the refresh token for new tokens, while nobody else does. What others did meanwhile is used instead. `unlike`
 * is an entry that was found wanting: whatever is there beside it is good.
 *
 * Gives back what is there afterwards, `undefined` when nobody is signed in any more. Rejects with
 * `renewal_unavailable` when the provider cannot be asked just now, with nothing spent.
 *
 * @see RFC 6749, section 6; RFC 9700, section 4.14
 */
export async function renewInTurn(place: RenewalPlace, unlike?: Held): Promise<Held | undefined> {
  const { shelf, calls, clock, ledger } = place
  const held = await shelf.look()
  const isWanting =
    held?.tokenSet === undefined || held.text === unlike?.text || isDue(held, clock())
  if (held === undefined || !isWanting) return held
  const { refreshToken, grant, generation } = held.kept
  if (refreshToken === undefined) return held
  // The verifier and the network first: after the call nothing may be missing.
  await place.reader()
  if (!(await calls.isReachable())) throw unavailable(RETRY_AFTER_SECONDS)
  const claim = await ledger.claim(grant, generation)
  if (claim === 'spent') return successorOf(place, held)
  if (claim === 'lost') return shelf.withoutRefreshToken(held)
  if (claim === 'ended') return dropIfThere(shelf, held)
  const askedAt = clock()
  const call = await calls.token({ grant_type: 'refresh_token', refresh_token: refreshToken })
  if (call.kind === 'not_spent') {
    await ledger.settle(grant, generation, false)
    throw unavailable(call.retryAfterSeconds)
  }
  if (call.kind === 'answered') return keep(place, held, call.answer, askedAt)
  if (call.kind === 'refused') return dropIfThere(shelf, held)
  // Nobody knows whether it is spent: within the provider's grace the next one tries again.
  if ((await ledger.claim(grant, generation)) === 'ours') throw unavailable(1)
  return shelf.withoutRefreshToken(held)
}

// Another tab has new tokens, and they come into sight; a copy of a tab sees none, ever.
async function successorOf(place: RenewalPlace, held: Held): Promise<Held | undefined> {
  const { shelf, isShared } = place
  for (let waited = 0; isShared && shelf.has(held) && waited < SIGHT_MS; waited += SIGHT_PAUSE_MS)
    await pause(SIGHT_PAUSE_MS)
  return shelf.has(held) ? shelf.withoutRefreshToken(held) : shelf.look()
}

function dropIfThere(shelf: Shelf, held: Held): Promise<Held | undefined> {
  if (shelf.has(held)) shelf.clear()
  return shelf.look()
}

async function keep(
  place: RenewalPlace,
  held: Held,
  answer: TokenAnswer,
  askedAt: number,
): Promise<Held | undefined> {
  const { shelf, calls, ledger } = place
  const { grant, generation } = held.kept
  const read = await readPatiently(place, held, answer, askedAt)
  const goesOn = await ledger.settle(grant, generation, true)
  const facts = read && {
    ...{ grant, generation: generation + 1 },
    ...{ clockOffsetMs: read.clockOffsetMs, isRenewed: read.isRenewed },
  }
  const put = facts && goesOn ? shelf.put(read.tokenSet, facts, held.text) : undefined
  if (put !== undefined) return put
  // Not this person's, or not this provider's; or signed out, or in as somebody else, while the provider was asked: it is
  // not used, must not live on, and the old refresh token is spent.
  if (answer.refresh_token !== undefined) void calls.revoke(answer.refresh_token)
  return read === undefined ? shelf.withoutRefreshToken(held) : shelf.look()
}

// The keys may have to be fetched once more, and the network can go in between.
async function readPatiently(
  { reader }: RenewalPlace,
  { tokenSet: previous, kept }: Held,
  answer: TokenAnswer,
  askedAt: number,
): Promise<ReadAnswer | undefined> {
  for (let tries = 1; ; tries += 1) {
    try {
      const { refreshToken } = kept
      const context = { askedAt, isFresh: true, ...present({ previous, refreshToken }) }
      return await (await reader()).read(answer, context)
    } catch (error) {
      const isLater = error instanceof CoatcheckError && error.code === 'key_set_unavailable'
      if (!isLater || tries === READ_TRIES) return undefined
      await pause(READ_PAUSE_MS)
    }
  }
}

function unavailable(retryAfterSeconds: number): CoatcheckError {
  return new CoatcheckError('renewal_unavailable', { retryAfterSeconds })
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
