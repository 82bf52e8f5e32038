import { verifySignature } from '#signature'
import { CoatcheckError } from '../core/errors.ts'
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
): VerificationKey | Promise<VerificationKey> {
  if (!algorithms.has(jws.header.alg)) throw new CoatcheckError('token_algorithm_refused')
  const found = keySet.find(jws.header)
  return found instanceof Promise ? found.then((keys) => tryKeys(jws, keys)) : tryKeys(jws, found)
}

// A key that names no algorithm is held to the first one that it was seen with.
const usedWith = new WeakMap<VerificationKey, Algorithm>()

function tryKeys(
  jws: ParsedJws,
  found: readonly VerificationKey[],
): VerificationKey | Promise<VerificationKey> {
  const keys = found.filter((key) => isOfOneAlgorithm(key, jws.header.alg))
  if (keys.length === 0) throw new CoatcheckError('token_key_unknown')
  for (const [index, key] of keys.entries()) {
    const result = verifySignature(key, jws.header.alg, jws.signingInput, jws.signature)
    if (result === true) return used(key, jws.header.alg)
    if (typeof result !== 'boolean') return tryLater(jws, keys.slice(index), result)
  }
  throw new CoatcheckError('token_signature_invalid')
}

async function tryLater(
  jws: ParsedJws,
  keys: readonly VerificationKey[],
  first: Promise<boolean>,
): Promise<VerificationKey> {
  let result = first
  for (const [index, key] of keys.entries()) {
    if (await result) return used(key, jws.header.alg)
    const next = keys[index + 1]
    if (next === undefined) break
    result = Promise.resolve(verifySignature(next, jws.header.alg, jws.signingInput, jws.signature))
  }
  throw new CoatcheckError('token_signature_invalid')
}

function isOfOneAlgorithm(key: VerificationKey, alg: Algorithm): boolean {
  const earlier = usedWith.get(key)
  return earlier === undefined || earlier === alg || ALGORITHMS[alg].kty === 'OKP'
}

function used(key: VerificationKey, alg: Algorithm): VerificationKey {
  if (key.jwk.alg === undefined) usedWith.set(key, alg)
  return key
}
