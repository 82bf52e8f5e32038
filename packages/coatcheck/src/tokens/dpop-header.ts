import { importPublicKey } from '#signature'
import { CoatcheckError } from '../core/errors.ts'
import { type Algorithm, isAlgorithm } from './algorithm.ts'
import { malformedProof, readDpopSegment } from './dpop-parts.ts'
import { fitsAlgorithm, type JsonWebKeyLike } from './jwk.ts'
import { jwkThumbprint } from './jwk-thumbprint.ts'
import type { VerificationKey } from './signature.ts'

/** The key that a proof brings along, made ready. */
export interface DpopHeaderKey {
  readonly alg: Algorithm
  readonly key: VerificationKey
  readonly thumbprint: string
}

// crit: extensions that we would have to understand; b64: another signing input; zip, enc: compression and JWE.
const REFUSED = ['crit', 'b64', 'zip', 'enc']

/** @see RFC 7518, sections 6.2.2, 6.3.2 and 6.4 */
const PRIVATE = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

/**
 * Reads the header of a proof. In tokens a `jwk` is ignored; here it is the key, because only its possession is
 * to be shown: whom it belongs to, the access token says.
 *
 * Rejects with `token_dpop_malformed`, `token_dpop_type_refused`, `token_dpop_algorithm_refused` or
 * `token_dpop_key_refused`.
 *
 * @see RFC 9449, sections 4.2 and 4.3
 */
export async function readDpopHeader(
  segment: string,
  algorithms: ReadonlySet<Algorithm>,
): Promise<DpopHeaderKey> {
  const header = readDpopSegment(segment)
  if (REFUSED.some((name) => name in header)) throw malformedProof()
  const { alg, typ, jwk } = header
  if (typ !== 'dpop+jwt') throw new CoatcheckError('token_dpop_type_refused')
  if (!isAlgorithm(alg) || !algorithms.has(alg)) {
    throw new CoatcheckError('token_dpop_algorithm_refused')
  }
  if (!isPublicJwk(jwk) || !fitsAlgorithm(jwk, alg)) throw keyRefused()
  const key = importPublicKey(jwk)
  if (key === undefined) throw keyRefused()
  return { alg, key, thumbprint: await jwkThumbprint(jwk) }
}

function isPublicJwk(jwk: unknown): jwk is JsonWebKeyLike {
  return typeof jwk === 'object' && jwk !== null && !PRIVATE.some((name) => name in jwk)
}

function keyRefused(): CoatcheckError {
  return new CoatcheckError('token_dpop_key_refused')
}
