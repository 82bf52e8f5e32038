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

const MIN_RSA_BITS = 2048
const MAX_RSA_BITS = 8192
const MAX_EXPONENT_BYTES = 4

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
    const bits = bitLength(decodeBase64url(n))
    const isSized = bits >= MIN_RSA_BITS && bits <= MAX_RSA_BITS
    return isSized && isSoundExponent(decodeBase64url(e)) ? { kty, n, e } : undefined
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

// Leading zeros make a short modulus look long, so bits are counted.
function bitLength(bytes: Uint8Array | undefined): number {
  const first = bytes?.findIndex((byte) => byte !== 0) ?? -1
  if (bytes === undefined || first === -1) return 0
  return (bytes.length - first) * 8 - Math.clz32(bytes[first] ?? 0) + 24
}

// With an exponent of 1 every number is its own signature; an even one is no RSA.
function isSoundExponent(bytes: Uint8Array | undefined): boolean {
  if (bytes === undefined || bytes.length > MAX_EXPONENT_BYTES) return false
  return ((bytes.at(-1) ?? 0) & 1) === 1 && bitLength(bytes) > 1
}
