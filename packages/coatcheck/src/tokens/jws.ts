import { decodeSegment } from '#signature'
import { type Bytes, decodeUtf8 } from '../core/bytes.ts'
import { CoatcheckError } from '../core/errors.ts'
import { present } from '../core/present.ts'
import { type Algorithm, isAlgorithm } from './algorithm.ts'
import { type JsonObject, parseJsonObject } from './json.ts'

/** The header of a JWS, as far as it is read. Members that point to keys (`jwk`, `jku`, `x5u`, `x5c`) are ignored. */
export interface JwsHeader {
  readonly alg: Algorithm
  readonly kid?: string
  readonly typ?: string
}

/** A compact JWS taken apart; nothing in it is verified. */
export interface ParsedJws {
  readonly header: JwsHeader
  readonly signingInput: string
  readonly payload: string
  readonly signature: Bytes
}

/** What a token may measure before it is even looked at. */
export const DEFAULT_MAX_TOKEN_BYTES = 16_384

const MAX_KID_CHARACTERS = 256

/**
 * Takes a compact JWS apart. Throws `token_malformed`, `token_too_large`, `token_algorithm_refused` or
 * `token_header_refused`.
 *
 * @see RFC 7515, sections 5.2 and 7.1; RFC 8725, sections 3.1 and 3.11
 */
export function parseJws(
  jwt: string,
  maxTokenBytes: number,
  readHeader: (segment: string) => JwsHeader = parseHeader,
): ParsedJws {
  if (typeof jwt !== 'string') throw new CoatcheckError('token_malformed')
  if (jwt.length > maxTokenBytes) throw new CoatcheckError('token_too_large')
  const first = jwt.indexOf('.')
  const second = jwt.indexOf('.', first + 1)
  if (first < 1 || second === -1 || jwt.indexOf('.', second + 1) !== -1) {
    throw new CoatcheckError('token_malformed')
  }
  const header = readHeader(jwt.slice(0, first))
  const signature = decodeSegment(jwt.slice(second + 1))
  if (signature === undefined) throw new CoatcheckError('token_malformed')
  return {
    header,
    signingInput: jwt.slice(0, second),
    payload: jwt.slice(first + 1, second),
    signature,
  }
}

/** Reads a header's segment. Throws as {@link parseJws}. */
export function parseHeader(segment: string): JwsHeader {
  const header = parseSegment(segment)
  if (header === undefined) throw new CoatcheckError('token_malformed')
  const { alg, kid, typ } = header
  if (!isAlgorithm(alg)) throw new CoatcheckError('token_algorithm_refused')
  // crit: extensions that we would have to understand; b64: another signing input; zip, enc: compression and JWE.
  if ('crit' in header || 'b64' in header || 'zip' in header || 'enc' in header) {
    throw new CoatcheckError('token_header_refused')
  }
  if (
    (kid !== undefined && (typeof kid !== 'string' || kid.length > MAX_KID_CHARACTERS)) ||
    (typ !== undefined && typeof typ !== 'string')
  ) {
    throw new CoatcheckError('token_header_refused', { detail: 'kid and typ must be short text.' })
  }
  return Object.freeze({
    alg,
    ...present({ kid, typ }),
  })
}

/** The JSON object in a segment; `undefined` for anything else. */
export function parseSegment(segment: string): JsonObject | undefined {
  const bytes = decodeSegment(segment)
  const text = bytes === undefined ? undefined : decodeUtf8(bytes)
  return text === undefined ? undefined : parseJsonObject(text)
}
