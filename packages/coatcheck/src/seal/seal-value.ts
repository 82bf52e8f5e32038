import type { Bytes } from '../core/bytes.ts'
import { type RandomSource, systemRandom } from '../core/random.ts'
import type { KeyRing } from '../ring/key-ring.ts'
import { decryptGcm, encryptGcmInto, TAG_BYTES } from './aead.ts'
import { decodedLength, decodeInto } from './base64url.ts'
import { associatedData, type SealBinding } from './place.ts'
import { giveBack, takeBuffer } from './spare-buffer.ts'
import { openingKey, sealingKey } from './subkeys.ts'
import { FORMAT, HEADER_BYTES, START_BYTES } from './value-header.ts'

/** What came of opening a value. Over HTTP all refusals look alike; the reason is for the log. */
export type OpenedValue =
  | {
      readonly ok: true
      readonly bytes: Bytes
      /** The ring's key that opened it: of another than the current one, seal again. */
      readonly keyId: string
    }
  | { readonly ok: false; readonly reason: 'malformed' | 'unknown_key' | 'tampered' }

/**
 * Seals bytes under a ring with XAES-256-GCM. Format version 1, base64url of: format (1), key id (6),
 * nonce (24), ciphertext, tag (16).
 *
 * @see C2SP XAES-256-GCM
 * @example
 * const value = sealValue(ring, { purpose: 'seal', context: ['https://app.example'], bytes: encodeUtf8('hi') })
 */
export function sealValue(
  ring: KeyRing,
  options: SealBinding & { readonly bytes: Uint8Array; readonly random?: RandomSource },
): string {
  const { purpose, bytes, random = systemRandom } = options
  const { start, suffix, subkey } = sealingKey(ring.current, purpose, random)
  const length = HEADER_BYTES + bytes.length + TAG_BYTES
  const sealed = takeBuffer(length)
  sealed.set(start)
  sealed.set(suffix, START_BYTES)
  const associated = associatedData(sealed, options)
  encryptGcmInto(sealed, HEADER_BYTES, { key: subkey, nonce: suffix, plaintext: bytes, associated })
  const value = sealed.toString('base64url', 0, length)
  giveBack(sealed)
  return value
}

/**
 * Opens what {@link sealValue} made, under any key of the ring; never throws.
 *
 * @example
 * openValue(ring, { purpose: 'seal', context: ['https://app.example'], value }).ok // true
 */
export function openValue(
  ring: KeyRing,
  options: SealBinding & { readonly value: string },
): OpenedValue {
  const length = decodedLength(options.value)
  if (length < HEADER_BYTES + TAG_BYTES) return { ok: false, reason: 'malformed' }
  const sealed = takeBuffer(length)
  const opened = decodeInto(sealed, 0, options.value)
    ? openBytes(ring, options, sealed, length)
    : ({ ok: false, reason: 'malformed' } as const)
  giveBack(sealed)
  return opened
}

function openBytes(
  ring: KeyRing,
  binding: SealBinding,
  sealed: Buffer,
  length: number,
): OpenedValue {
  if (sealed[0] !== FORMAT) return { ok: false, reason: 'malformed' }
  const key = openingKey(ring, binding.purpose, sealed)
  if (key === undefined) return { ok: false, reason: 'unknown_key' }
  const bytes = decryptGcm(
    key.subkey,
    sealed.subarray(START_BYTES, HEADER_BYTES),
    sealed.subarray(HEADER_BYTES, length),
    associatedData(sealed, binding),
  )
  if (bytes === undefined) return { ok: false, reason: 'tampered' }
  key.keep()
  return { ok: true, bytes, keyId: key.id }
}

/** How many characters the sealed value of so many bytes has. */
export function sealedLength(bytes: number): number {
  return Math.ceil(((HEADER_BYTES + bytes + TAG_BYTES) * 4) / 3)
}
