import { type Answer, json } from '../core/answer.ts'
import { decodeUtf8, encodeUtf8 } from '../core/bytes.ts'
import type { Clock } from '../core/clock.ts'
import { CoatcheckError } from '../core/errors.ts'
import type { RandomSource } from '../core/random.ts'
import { createBoundedFetch, type Fetch } from '../provider/bounded-fetch.ts'
import { sha256Base64url } from '../ring/sha256.ts'
import { openValue, sealValue } from '../seal/seal-value.ts'
import type { HandOffPartner } from './hand-off-options.ts'

/** What a server asks of its partner: to redeem a code, or to end what is tied to a session that ended. */
export type LetterKind = 'redeem' | 'ended'

/** What stands in a letter. */
export type LetterContents = Readonly<Record<string, string>>

/** A letter that came, and from whom. */
export interface Letter {
  readonly partner: HandOffPartner
  readonly contents: LetterContents
  /** An answer that only the sender of this very letter can read. */
  answer(contents: LetterContents): Answer
}

/** What two servers tell each other, each thing sealed under the ring that they share. */
export interface Letters {
  /**
   * Sends a letter and gives back what was answered. Rejects with `hand_off_unavailable` where no answer came, and
   * with `hand_off_code_refused` or `hand_off_refused` for any other than a genuine one.
   */
  send(partner: HandOffPartner, kind: LetterKind, contents: LetterContents): Promise<LetterContents>
  /** The letter in an Authorization header; `undefined` for whatever is forged, for somebody else, or old. */
  open(
    kind: LetterKind,
    partner: HandOffPartner | undefined,
    authorization: string | undefined,
  ): Letter | undefined
}

/** What {@link createLetters} needs. */
export interface LettersOptions {
  readonly origin: string
  readonly fetch: Fetch | undefined
  readonly clock: Clock
  readonly random: RandomSource
}

const FORMAT = 'hand-off/1'
const SCHEME = 'HandOff '
const CODE_REFUSED = 'hand_off_code_refused'
const MOST_AGE_MS = 60_000
const TIMEOUT_MS = 5000
const MAX_ANSWER_BYTES = 65_536

/** Letters between the servers of two sites: who can read or write one has their ring. */
export function createLetters({ origin, fetch, clock, random }: LettersOptions): Letters {
  const bounded = createBoundedFetch(fetch ?? globalThis.fetch, {
    timeoutMs: TIMEOUT_MS,
    maxResponseBytes: MAX_ANSWER_BYTES,
  })

  function seal({ ring }: HandOffPartner, place: readonly string[], contents: LetterContents) {
    const bytes = encodeUtf8(JSON.stringify({ ...contents, at: String(clock()) }))
    return sealValue(ring, { purpose: 'seal', context: [FORMAT, ...place], bytes, random })
  }

  function unseal(
    { ring }: HandOffPartner,
    place: readonly string[],
    value: string,
  ): LetterContents | undefined {
    const opened = openValue(ring, { purpose: 'seal', context: [FORMAT, ...place], value })
    const text = opened.ok ? decodeUtf8(opened.bytes) : undefined
    // The seal vouches for the shape: it was written above, by a partner.
    const contents: LetterContents | undefined = text === undefined ? undefined : JSON.parse(text)
    const isFresh = Math.abs(clock() - Number(contents?.at)) <= MOST_AGE_MS
    return isFresh ? contents : undefined
  }

  async function send(partner: HandOffPartner, kind: LetterKind, contents: LetterContents) {
    const letter = seal(partner, [kind, origin, partner.origin], contents)
    const address = `${partner.origin}/auth/hand-off/${kind}?client_id=${encodeURIComponent(origin)}`
    const response = await post(address, letter)
    if (response.status >= 500 || response.status === 429) throw unavailable()
    const told = readAnswer(await response.text())
    // Its partner knows us: only the code was no good.
    if (told.code === CODE_REFUSED) throw new CoatcheckError(CODE_REFUSED)
    const answer = response.ok ? told.letter : undefined
    const place = [`${kind}-answer`, partner.origin, origin, sha256Base64url(letter)]
    const read = answer === undefined ? undefined : unseal(partner, place, answer)
    if (read === undefined) throw new CoatcheckError('hand_off_refused')
    return read
  }

  async function post(address: string, letter: string): Promise<Response> {
    try {
      const headers = { authorization: SCHEME + letter, accept: 'application/json' }
      return await bounded(address, { method: 'POST', headers })
    } catch {
      throw unavailable()
    }
  }

  return {
    send,
    open: (kind, partner, authorization) => {
      if (partner === undefined || !authorization?.startsWith(SCHEME)) return undefined
      const letter = authorization.slice(SCHEME.length)
      const contents = unseal(partner, [kind, partner.origin, origin], letter)
      if (contents === undefined) return undefined
      const place = [`${kind}-answer`, origin, partner.origin, sha256Base64url(letter)]
      const answer = (told: LetterContents) => json({ letter: seal(partner, place, told) })
      return { partner, contents, answer }
    },
  }
}

function readAnswer(text: string): { readonly letter?: string; readonly code?: unknown } {
  try {
    const { letter, code } = JSON.parse(text)
    return { code, ...(typeof letter === 'string' ? { letter } : {}) }
  } catch {
    return {}
  }
}

function unavailable(): CoatcheckError {
  return new CoatcheckError('hand_off_unavailable')
}
