import type { Bytes } from '../core/bytes.ts'
import type { Algorithm } from './algorithm.ts'
import type { JsonWebKeyLike } from './jwk.ts'

/** A key made ready once. What is inside belongs to the platform. */
export interface VerificationKey {
  readonly jwk: JsonWebKeyLike
  readonly handle: unknown
}

/** What a platform does: two files keep it, chosen by the import `#signature`. */
export interface SignaturePlatform {
  /** A public key made ready, or `undefined` when the platform refuses it. */
  importPublicKey(jwk: JsonWebKeyLike): VerificationKey | undefined
  /** A secret made ready for HS*. */
  importSecret(secret: Bytes): VerificationKey
  /** Whether the signature is that of the key over the ASCII text. */
  verifySignature(
    key: VerificationKey,
    alg: Algorithm,
    text: string,
    signature: Bytes,
  ): boolean | Promise<boolean>
  /** base64url as bytes; `undefined` for anything but its one canonical spelling. */
  decodeSegment(text: string): Bytes | undefined
  /** A hash of ASCII text. */
  digest(hash: 'sha256' | 'sha384' | 'sha512', text: string): Bytes | Promise<Bytes>
}
