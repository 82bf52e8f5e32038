import { decodeSegment } from '#signature'
import { type Bytes, decodeUtf8 } from '../core/bytes.ts'
import { CoatcheckError } from '../core/errors.ts'
import { type JsonObject, parseJsonObject } from './json.ts'

/** A proof taken apart; nothing in it is verified. */
export interface DpopParts {
  readonly header: string
  readonly payload: string
  readonly signingInput: string
  readonly signature: Bytes
}

/** What came as `DPoP` header: `undefined` or `null` for none, a list for each line of its own. */
export type DpopHeaderValue = string | readonly string[] | null | undefined

/**
 * Takes the one proof of a request apart. Not by the parser of tokens: that keeps headers which it has seen, and
 * proofs, which anybody can send, would drive them out.
 *
 * Throws `token_dpop_missing` or `token_dpop_malformed`.
 *
 * @see RFC 9449, section 4.3; RFC 7515, section 7.1
 */
export function splitDpopProof(value: DpopHeaderValue, maxProofBytes: number): DpopParts {
  const lines: readonly unknown[] = Array.isArray(value) ? value : [value ?? undefined]
  if (lines.length > 1) throw malformedProof('There is more than one DPoP header.')
  const [proof] = lines
  if (proof === undefined) throw new CoatcheckError('token_dpop_missing')
  if (typeof proof !== 'string') throw malformedProof()
  if (proof.length > maxProofBytes) throw malformedProof('The DPoP proof is over the size limit.')
  const [header, payload, third, more] = proof.split('.', 4)
  if (!header || payload === undefined || third === undefined || more !== undefined) {
    throw malformedProof()
  }
  const signature = decodeSegment(third)
  if (signature === undefined) throw malformedProof()
  return { header, payload, signingInput: `${header}.${payload}`, signature }
}

/** The JSON object in a segment. Throws `token_dpop_malformed`. */
export function readDpopSegment(segment: string): JsonObject {
  const bytes = decodeSegment(segment)
  const text = bytes === undefined ? undefined : decodeUtf8(bytes)
  const object = text === undefined ? undefined : parseJsonObject(text)
  if (object === undefined) throw malformedProof()
  return object
}

/** What is thrown for a proof that is not well-formed; the detail holds no part of it. */
export function malformedProof(detail?: string): CoatcheckError {
  return new CoatcheckError('token_dpop_malformed', detail === undefined ? {} : { detail })
}
