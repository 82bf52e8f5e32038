import { present } from '../core/present.ts'
import type { AnswerReader } from './answer-reader.ts'
import type { Claim, GrantLedger } from './grant-ledger.ts'
import type { ProviderCalls, TokenAnswer } from './provider-calls.ts'
import type { Held, Shelf } from './shelf.ts'
import { isDue } from './token-times.ts'
import { tryLater } from './try-later.ts'

/** What {@link renewInTurn} works with. */
export interface RenewalPlace {
  readonly shelf: Shelf
  readonly calls: ProviderCalls
  readonly reader: () => Promise<AnswerReader>
  readonly clock: () => number
  /** Absent where nobody else sees the place. */
  readonly ledger: GrantLedger | undefined
  readonly reuseGraceMs: number
  /** Without a ledger: the entry whose refresh token was sent last, and when first. */
  readonly sent: { text: string; at: number }
  /** Whether what another tab has written comes into sight here. */
  readonly isShared: boolean
}

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
    held?.verified === undefined || held.text === unlike?.text || isDue(held, clock())
  if (held === undefined || !isWanting) return held
  const { refresh_token, grant, generation } = held.kept
  if (refresh_token === undefined) return held
  // The verifier and the network first: after the call nothing may be missing.
  const reader = await place.reader()
  await reader.prepare().catch(() => {
    throw tryLater('renewal_unavailable')
  })
  const claim = (await ledger?.claim(grant, generation)) ?? claimAlone(place, held)
  if (claim === 'spent') return successorOf(place, held)
  if (claim === 'lost') return shelf.withoutRefreshToken(held)
  if (claim === 'ended') return dropIfThere(shelf, held)
  const askedAt = clock()
  const call = await calls.token({ grant_type: 'refresh_token', refresh_token })
  if (call.kind === 'not_spent') {
    await ledger?.settle(grant, generation, false).catch(() => {})
    place.sent.text = ''
    throw tryLater('renewal_unavailable', call.retryAfterSeconds)
  }
  if (call.kind === 'answered') return keep(place, reader, held, call.answer, askedAt)
  if (call.kind === 'refused') return dropIfThere(shelf, held)
  // Nobody knows whether it is spent: within the provider's grace the next one tries again.
  const again =
    (await ledger?.claim(grant, generation).catch(() => 'lost')) ?? claimAlone(place, held)
  if (again === 'ours') throw tryLater('renewal_unavailable', 1)
  return shelf.withoutRefreshToken(held)
}

// In a place that nobody else sees, what was sent is remembered here.
function claimAlone({ sent, clock, reuseGraceMs }: RenewalPlace, { text }: Held): Claim {
  if (sent.text !== text) Object.assign(sent, { text, at: clock() })
  else if (clock() - sent.at >= reuseGraceMs) return 'lost'
  return 'ours'
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
  { shelf, calls, ledger }: RenewalPlace,
  reader: AnswerReader,
  held: Held,
  answer: TokenAnswer,
  askedAt: number,
): Promise<Held | undefined> {
  const { grant, generation, refresh_token: refreshToken } = held.kept
  const context = { askedAt, isFresh: true, ...present({ previous: held.verified, refreshToken }) }
  const read = await reader.read(answer, context).catch(() => undefined)
  // Where the ledger fails now, the place itself still says whether anybody came between.
  const goesOn = (await ledger?.settle(grant, generation, true).catch(() => true)) ?? true
  const next = { grant, generation: generation + 1 }
  const put = read && goesOn ? shelf.put(read, next, held.text) : undefined
  if (put !== undefined) return put
  // Not this person's, or not this provider's; or signed out, or in as somebody else, while the provider was asked: it is
  // not used, must not live on, and the old refresh token is spent.
  void calls.revoke(answer.refresh_token ?? refreshToken)
  return read === undefined ? shelf.withoutRefreshToken(held) : shelf.look()
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
