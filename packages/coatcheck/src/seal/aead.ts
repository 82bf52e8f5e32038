import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto'
import type { Bytes } from '../core/bytes.ts'

const NONCE_BYTES = 12
/** What authenticates stands at the end. */
export const TAG_BYTES = 16
const NOTHING = new Uint8Array(0)

/** AES-256-GCM: what stands before it (part of no secret), then ciphertext and tag, in one piece. */
export function encryptGcm(
  key: KeyObject,
  nonce: Uint8Array,
  plaintext: Uint8Array,
  associated: Uint8Array,
  before: Uint8Array = NOTHING,
): Bytes {
  const sealed = Buffer.allocUnsafeSlow(before.length + plaintext.length + TAG_BYTES)
  sealed.set(before)
  encryptGcmInto(sealed, before.length, { key, nonce, plaintext, associated })
  return sealed
}

/** What one call of AES-256-GCM takes. */
export interface GcmInput {
  readonly key: KeyObject
  readonly nonce: Uint8Array
  readonly plaintext: Uint8Array
  readonly associated: Uint8Array
}

/**
 * Writes ciphertext and tag to a place that has room for them.
 *
 * @see NIST SP 800-38D
 */
export function encryptGcmInto(
  target: Uint8Array,
  offset: number,
  { key, nonce, plaintext, associated }: GcmInput,
): void {
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  cipher.setAAD(associated)
  target.set(cipher.update(plaintext), offset)
  // GCM holds nothing back: the last call gives no more bytes, only the tag.
  cipher.final()
  target.set(cipher.getAuthTag(), offset + plaintext.length)
}

/** Opens what {@link encryptGcm} made, or gives `undefined`: why it failed is nobody's business. */
export function decryptGcm(
  key: KeyObject,
  nonce: Uint8Array,
  sealed: Uint8Array,
  associated: Uint8Array,
): Bytes | undefined {
  const end = sealed.length - TAG_BYTES
  if (end < 0) return undefined
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
  decipher.setAAD(associated)
  decipher.setAuthTag(sealed.subarray(end))
  try {
    const plaintext = decipher.update(sealed.subarray(0, end))
    decipher.final()
    return plaintext
  } catch {
    return undefined
  }
}

/**
 * Seals bytes under a key that is used once: a data key, a record's wrap.
 * Layout: nonce (12), ciphertext, tag (16).
 */
export function sealBytes(
  key: KeyObject,
  plaintext: Uint8Array,
  associated: Uint8Array,
  nonce: Uint8Array,
): Bytes {
  return encryptGcm(key, nonce, plaintext, associated, nonce)
}

/** Opens what {@link sealBytes} made, or gives `undefined`. */
export function openBytes(
  key: KeyObject,
  sealed: Uint8Array,
  associated: Uint8Array,
): Bytes | undefined {
  if (sealed.length < NONCE_BYTES + TAG_BYTES) return undefined
  return decryptGcm(key, sealed.subarray(0, NONCE_BYTES), sealed.subarray(NONCE_BYTES), associated)
}
