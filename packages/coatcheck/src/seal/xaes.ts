import { createCipheriv, createSecretKey, type KeyObject } from 'node:crypto'
import type { Bytes } from '../core/bytes.ts'
import { decryptGcm, encryptGcm } from './aead.ts'

/** How many bytes of a nonce choose the subkey; the other twelve are the nonce under it. */
export const PREFIX_BYTES = 12
/** The whole nonce. */
export const NONCE_BYTES = 24

/**
 * The subkey of XAES-256-GCM for the first twelve bytes of a nonce: CMAC of two counter blocks. With a
 * one-block message CMAC is one AES call, so the whole derivation is three.
 *
 * @see C2SP XAES-256-GCM; NIST SP 800-108r1, section 4.1; NIST SP 800-38B, section 6
 */
export function deriveXaesKey(key: KeyObject, prefix: Uint8Array): KeyObject {
  const zero = encryptBlock(key, new Uint8Array(16))
  const k1 = double(zero)
  const subkey = new Uint8Array(32)
  for (const counter of [1, 2]) {
    const block = new Uint8Array(16)
    block.set([0, counter, 0x58, 0])
    block.set(prefix.subarray(0, PREFIX_BYTES), 4)
    subkey.set(
      encryptBlock(
        key,
        block.map((byte, index) => byte ^ (k1[index] ?? 0)),
      ),
      (counter - 1) * 16,
    )
  }
  return createSecretKey(subkey)
}

/** XAES-256-GCM: ciphertext and tag. */
export function encryptXaes(
  key: KeyObject,
  nonce: Uint8Array,
  plaintext: Uint8Array,
  associated: Uint8Array,
): Bytes {
  const subkey = deriveXaesKey(key, nonce.subarray(0, PREFIX_BYTES))
  return encryptGcm(subkey, nonce.subarray(PREFIX_BYTES), plaintext, associated)
}

/** Opens what {@link encryptXaes} made, or gives `undefined`. */
export function decryptXaes(
  key: KeyObject,
  nonce: Uint8Array,
  sealed: Uint8Array,
  associated: Uint8Array,
): Bytes | undefined {
  const subkey = deriveXaesKey(key, nonce.subarray(0, PREFIX_BYTES))
  return decryptGcm(subkey, nonce.subarray(PREFIX_BYTES), sealed, associated)
}

function encryptBlock(key: KeyObject, block: Uint8Array): Uint8Array {
  const cipher = createCipheriv('aes-256-ecb', key, null).setAutoPadding(false)
  return cipher.update(block)
}

function double(block: Uint8Array): Uint8Array {
  const doubled = new Uint8Array(16)
  for (let index = 0; index < 16; index += 1) {
    doubled[index] = (((block[index] ?? 0) << 1) | ((block[index + 1] ?? 0) >> 7)) & 0xff
  }
  const last = doubled[15] ?? 0
  doubled[15] = (block[0] ?? 0) & 0x80 ? last ^ 0x87 : last
  return doubled
}
