import { verifySignature } from '#signature'
import { CoatcheckError } from '../core/errors.ts'
import { andThen, type MaybePromise } from '../core/maybe-promise.ts'
import { ALGORITHMS, type Algorithm } from './algorithm.ts'
import type { ParsedJws } from './jws.ts'
import type { KeySet } from './key-set.ts'
import type { VerificationKey } from './signature.ts'

/**
 * Finds the key under which a JWS verifies. Synchronous where keys and platform are. Throws (or rejects
 * with) `token_algorithm_refused`, `token_key_unknown`, `token_signature_invalid`.
 *
 * @see RFC 7515, section 5.2; RFC 8725, sections 3.1 and 3.2
 */
export function verifyJws(
  jws: ParsedJws,
  keySet: KeySet,
  algorithms: ReadonlySet<Algorithm>,
): MaybePromise<VerificationKey> {
  if (!algorithms.has(jws.header.alg)) throw new CoatcheckError('token_algorithm_refused')
  return andThen(keySet.find(jws.header), (keys) => tryKeys(jws, keys))
}

// A key that names no algorithm is held to the first one that it was seen with.
const usedWith = new WeakMap<VerificationKey, Algorithm>()

function tryKeys(jws: ParsedJws, found: readonly VerificationKey[]): MaybePromise<VerificationKey> {
  const keys = found.filter((key) => isOfOneAlgorithm(key, jws.header.alg))
  if (keys.length === 0) throw new CoatcheckError('token_key_unknown')
  return tryFrom(0, jws, keys)
}

function tryFrom(
  index: number,
  jws: ParsedJws,
  keys: readonly VerificationKey[],
): MaybePromise<VerificationKey> {
  const key = keys[index]
  if (key === undefined) throw new CoatcheckError('token_signature_invalid')
  const { alg } = jws.header
  return andThen(verifySignature(key, alg, jws.signingInput, jws.signature), (isGood) =>
    isGood ? used(key, alg) : tryFrom(index + 1, jws, keys),
  )
}

function isOfOneAlgorithm(key: VerificationKey, alg: Algorithm): boolean {
  const earlier = usedWith.get(key)
  return earlier === undefined || earlier === alg || ALGORITHMS[alg].kty === 'OKP'
}

function used(key: VerificationKey, alg: Algorithm): VerificationKey {
  if (key.jwk.alg === undefined) usedWith.set(key, alg)
  return key
}
