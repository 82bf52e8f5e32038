import { CoatcheckError } from '../core/errors.ts'
import type { AnswerReader, ReadAnswer } from './answer-reader.ts'
import { present } from './kept-tokens.ts'
import type { ProviderCalls, TokenAnswer } from './provider-calls.ts'
import type { Held, Shelf } from './shelf.ts'
import type { TabGrant } from './tab-grant.ts'
import { isDue } from './token-times.ts'

/** What {@link renewInTurn} works with. */
export interface RenewalPlace {
  readonly shelf: Shelf
  readonly calls: ProviderCalls
  readonly reader: () => Promise<AnswerReader>
  readonly clock: () => number
  /** How long the provider takes a refresh token again that it has already rotated. */
  readonly reuseGraceMs: number
  /** Where tabs are copied. */
  readonly tabGrant: TabGrant | undefined
}

const READ_TRIES = 3
const READ_PAUSE_MS = 2000
const RETRY_AFTER_SECONDS = 5

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
  const { shelf, calls, clock } = place
  const held = await shelf.look()
  const isWanting =
    held?.tokenSet === undefined || held.text === unlike?.text || isDue(held, clock())
  if (held === undefined || !isWanting) return held
  const { refreshToken } = held.kept
  if (refreshToken === undefined) return held
  if (isLost(held, place) || (await place.tabGrant?.isOurs(held.kept)) === false)
    return shelf.note(held, 'refresh_token_lost')
  // The verifier and the network first: after the call nothing may be missing.
  await place.reader()
  if (!(await calls.isReachable())) throw unavailable(RETRY_AFTER_SECONDS)
  // A person who signed out meanwhile, or signed in anew, has nothing renewed.
  if (!shelf.has(held)) return shelf.look()
  place.tabGrant?.note(held.kept, true)
  const marked = shelf.note(held, 'sent')
  const askedAt = clock()
  const parameters = { grant_type: 'refresh_token', refresh_token: refreshToken }
  const call = await calls.token(parameters)
  if (call.kind === 'not_spent') {
    shelf.note(marked, 'not_sent')
    place.tabGrant?.note(held.kept, false)
    throw unavailable(call.retryAfterSeconds)
  }
  if (call.kind === 'refused') {
    if (shelf.has(marked)) shelf.clear()
    return shelf.look()
  }
  if (call.kind === 'lost') return loseUnlessGrace(place, marked)
  return keep(place, marked, call.answer, askedAt)
}

async function keep(
  place: RenewalPlace,
  marked: Held,
  answer: TokenAnswer,
  askedAt: number,
): Promise<Held | undefined> {
  const { shelf, calls } = place
  const read = await readPatiently(place, marked, answer, askedAt)
  // It is not this person's, or not this provider's: it is not used, and the old refresh token is spent.
  if (read === undefined) {
    void calls.revoke(answer.refresh_token ?? '')
    return shelf.note(marked, 'refresh_token_lost')
  }
  const { kept } = marked
  const facts = {
    clockOffsetMs: read.clockOffsetMs,
    grant: kept.grant,
    generation: kept.generation + 1,
    isRenewed: read.isRenewed,
  }
  const put = shelf.put(read.tokenSet, facts, marked.text)
  if (put !== undefined) return put
  // Signed out, or signed in as somebody else, while the provider was asked: this must not come back.
  if (answer.refresh_token !== undefined) void calls.revoke(answer.refresh_token)
  return shelf.look()
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
      await new Promise((resolve) => setTimeout(resolve, READ_PAUSE_MS))
    }
  }
}

// A mark that outlived its tab, or its answer: nobody knows whether the provider has taken the token.
function isLost({ kept }: Held, { clock, reuseGraceMs }: RenewalPlace): boolean {
  return kept.sentAt !== undefined && clock() - kept.sentAt >= reuseGraceMs
}

function loseUnlessGrace(place: RenewalPlace, marked: Held): Held {
  if (isLost(marked, place)) return place.shelf.note(marked, 'refresh_token_lost')
  throw unavailable(1)
}

function unavailable(retryAfterSeconds: number): CoatcheckError {
  return new CoatcheckError('renewal_unavailable', { retryAfterSeconds })
}
