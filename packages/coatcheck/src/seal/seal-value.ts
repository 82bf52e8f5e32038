import type { KeyObject } from 'node:crypto'
import { type Bytes, concatBytes } from '../core/bytes.ts'
import { type RandomSource, systemRandom } from '../core/random.ts'
import type { KeyRing, Purpose, RingKey } from '../ring/key-ring.ts'
import { decryptGcm, encryptGcm } from './aead.ts'
import { readBase64url, writeBase64url } from './base64url.ts'
import { deriveXaesKey, NONCE_BYTES, PREFIX_BYTES } from './xaes.ts'

/** What a value is sealed for. */
export interface SealBinding {
  readonly purpose: Purpose
  /** Where it belongs: site, issuer, client, name. It opens nowhere else. */
  readonly context: readonly string[]
}

/** What came of opening a value. Over HTTP all refusals look alike; the reason is for the log. */
export type OpenedValue =
  | {
      readonly ok: true
      readonly bytes: Bytes
      /** The ring's key that opened it: of another than the current one, seal again. */
      readonly keyId: string
    }
  | { readonly ok: false; readonly reason: 'malformed' | 'unknown_key' | 'tampered' }

const FORMAT = 1
const KEY_ID_BYTES = 6
const HEADER_BYTES = 1 + KEY_ID_BYTES + NONCE_BYTES
const TAG_BYTES = 16
// GCM under one subkey: far below the 2^32 messages at which random 96-bit nonces wear out.
const MAX_SEALS_PER_PREFIX = 2 ** 24
const MAX_OPENING_SUBKEYS = 256

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
  const random = options.random ?? systemRandom
  const key = ring.current
  const { start, subkey } = sealingSubkey(key, options.purpose, random)
  const nonce = random(NONCE_BYTES - PREFIX_BYTES)
  const header = concatBytes(start, nonce)
  return writeBase64url(
    encryptGcm(subkey, nonce, options.bytes, associated(header, options), header),
  )
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
  const bytes = readBase64url(options.value)
  if (bytes === undefined || bytes.length < HEADER_BYTES + TAG_BYTES || bytes[0] !== FORMAT) {
    return { ok: false, reason: 'malformed' }
  }
  const keyId = writeBase64url(bytes.subarray(1, 1 + KEY_ID_BYTES))
  const key = ring.key(keyId)
  if (key === undefined) return { ok: false, reason: 'unknown_key' }
  const header = bytes.subarray(0, HEADER_BYTES)
  const nonce = bytes.subarray(1 + KEY_ID_BYTES, HEADER_BYTES)
  const subkey = openingSubkey(key, options.purpose, nonce.subarray(0, PREFIX_BYTES))
  const opened = decryptGcm(
    subkey.key,
    nonce.subarray(PREFIX_BYTES),
    bytes.subarray(HEADER_BYTES),
    associated(header, options),
  )
  if (opened === undefined) return { ok: false, reason: 'tampered' }
  subkey.keep()
  return { ok: true, bytes: opened, keyId }
}

/** How many characters the sealed value of so many bytes has. */
export function sealedLength(bytes: number): number {
  return Math.ceil(((HEADER_BYTES + bytes + TAG_BYTES) * 4) / 3)
}

interface Sealing {
  /** What every header of this process begins with: format, key id, prefix. */
  readonly start: Bytes
  readonly prefix: Bytes
  readonly subkey: KeyObject
  uses: number
}

interface Opening {
  readonly key: KeyObject
  readonly keep: () => void
}

// The subkeys of a ring's key, as long as somebody holds it: one prefix a process and purpose for sealing,
// a few for opening what others sealed.
const sealing = new WeakMap<RingKey, Map<Purpose, Sealing>>()
const opening = new WeakMap<RingKey, Map<string, KeyObject>>()

function sealingSubkey(key: RingKey, purpose: Purpose, random: RandomSource): Sealing {
  const kept = sealing.get(key) ?? new Map<Purpose, Sealing>()
  sealing.set(key, kept)
  let entry = kept.get(purpose)
  if (entry === undefined || entry.uses >= MAX_SEALS_PER_PREFIX) {
    const prefix = random(PREFIX_BYTES)
    const start = concatBytes(Uint8Array.of(FORMAT), idBytes(key), prefix)
    entry = { start, prefix, subkey: deriveXaesKey(key.subkey(purpose), prefix), uses: 0 }
    kept.set(purpose, entry)
  }
  entry.uses += 1
  return entry
}

// Kept once it has opened something: made-up prefixes push out none that are in use.
function openingSubkey(key: RingKey, purpose: Purpose, prefix: Uint8Array): Opening {
  const own = sealing.get(key)?.get(purpose)
  if (own?.prefix.every((byte, index) => byte === prefix[index])) {
    return { key: own.subkey, keep: () => {} }
  }
  const kept = opening.get(key) ?? new Map<string, KeyObject>()
  opening.set(key, kept)
  const name = `${purpose}/${writeBase64url(prefix)}`
  const known = kept.get(name)
  if (known !== undefined) return { key: known, keep: () => {} }
  const subkey = deriveXaesKey(key.subkey(purpose), prefix)
  const keep = (): void => {
    const oldest = kept.size >= MAX_OPENING_SUBKEYS ? kept.keys().next().value : undefined
    if (oldest !== undefined) kept.delete(oldest)
    kept.set(name, subkey)
  }
  return { key: subkey, keep }
}

function associated(header: Uint8Array, { purpose, context }: SealBinding): Uint8Array {
  const place = JSON.stringify([purpose, ...context])
  const bytes = Buffer.allocUnsafe(header.length + Buffer.byteLength(place))
  bytes.set(header)
  bytes.write(place, header.length)
  return bytes
}

function idBytes(key: RingKey): Bytes {
  return readBase64url(key.id) ?? new Uint8Array(KEY_ID_BYTES)
}
