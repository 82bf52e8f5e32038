import { decodeBase64url } from '../core/bytes.ts'
import { ALGORITHMS, type Algorithm, isAlgorithm } from './algorithm.ts'

/** A public key as RFC 7517 writes it; members from outside, so of no certain type. */
export interface JsonWebKeyLike {
  readonly kty?: unknown
  readonly kid?: unknown
  readonly use?: unknown
  readonly key_ops?: unknown
  readonly alg?: unknown
  readonly crv?: unknown
  readonly n?: unknown
  readonly e?: unknown
  readonly x?: unknown
  readonly y?: unknown
}

/** A JWK Set. */
export interface JsonWebKeySet {
  readonly keys: readonly JsonWebKeyLike[]
}

const MIN_RSA_BYTES = 256
const MAX_RSA_BYTES = 1024

/**
 * The public members of a key that can verify signatures, or `undefined`: for encryption keys, secrets,
 * weak or oversized RSA moduli, unknown types.
 *
 * @see RFC 7517, section 4; RFC 8725, section 3.5
 */
export function readPublicJwk(jwk: JsonWebKeyLike): Readonly<Record<string, string>> | undefined {
  if (jwk.use !== undefined && jwk.use !== 'sig') return undefined
  if (
    jwk.key_ops !== undefined &&
    !(Array.isArray(jwk.key_ops) && jwk.key_ops.includes('verify'))
  ) {
    return undefined
  }
  const { kty, crv, n, e, x, y } = jwk
  if (kty === 'RSA' && typeof n === 'string' && typeof e === 'string') {
    const modulus = decodeBase64url(n)?.length ?? 0
    return modulus >= MIN_RSA_BYTES && modulus <= MAX_RSA_BYTES && e.length <= 8
      ? { kty, n, e }
      : undefined
  }
  if (typeof crv !== 'string' || typeof x !== 'string') return undefined
  if (kty === 'EC' && typeof y === 'string') return { kty, crv, x, y }
  return kty === 'OKP' ? { kty, crv, x } : undefined
}

/** Whether a key is meant for an algorithm: its type, its curve, and its own word, if it has one. */
export function fitsAlgorithm(jwk: JsonWebKeyLike, alg: Algorithm): boolean {
  const { kty, crv } = ALGORITHMS[alg]
  if (jwk.kty !== kty || (crv !== undefined && jwk.crv !== crv)) return false
  if (jwk.alg === undefined || jwk.alg === alg) return true
  // RFC 9864 gave EdDSA with this curve a name of its own; they are one algorithm.
  return kty === 'OKP' && (jwk.alg === 'EdDSA' || jwk.alg === 'Ed25519') && isAlgorithm(alg)
}
