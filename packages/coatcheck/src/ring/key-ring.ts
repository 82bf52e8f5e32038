import { createHmac, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto'
import { type Bytes, encodeUtf8 } from '../core/bytes.ts'
import { byAge, roleOf, sealingEntry } from './key-roles.ts'
import { type CheckedEntry, checkRingFile, type KeyRingFile } from './ring-file.ts'

/** What a subkey is for: a value made for one purpose means nothing for another. */
export type Purpose = 'ticket' | 'lookup' | 'card' | 'transaction' | 'seal' | 'form'

/** One key of a ring, known by its subkeys alone. */
export interface RingKey {
  /** Eight characters; public. */
  readonly id: string
  /** The subkey for a purpose: 32 bytes, derived once and kept. */
  subkey(purpose: Purpose): KeyObject
  /** HMAC-SHA256 (32 bytes) over the parts, each preceded by its length, so that no two lists are alike. */
  mac(purpose: Purpose, ...parts: readonly (string | Uint8Array)[]): Bytes
}

/** The keys under which this site seals. A ring may change at any time: whoever holds it asks it each time. */
export interface KeyRing {
  /** The one that seals. */
  readonly current: RingKey
  /** All that open, oldest first; another list after each change. */
  readonly keys: readonly RingKey[]
  /** The key of an id. */
  key(id: string): RingKey | undefined
  /** Whether a key sealed once and does so no more: what lies under it moves to the current one when it is written. */
  isFormer(id: string): boolean
}

/**
 * A key ring from its file. Throws `key_ring_invalid` with all faults at once.
 *
 * @see RFC 5869; RFC 2104
 * @example
 * const ring = createKeyRing(generateKeyRing())
 */
export function createKeyRing(file: KeyRingFile): KeyRing {
  const entries = checkRingFile(file)
  const sealing = sealingEntry(entries)
  const current = createRingKey(sealing)
  const keys = byAge(entries).map((entry) => (entry === sealing ? current : createRingKey(entry)))
  const byId = new Map(keys.map((key) => [key.id, key]))
  const former = new Set(
    entries.filter((entry) => roleOf(entry, sealing) === 'former').map(({ id }) => id),
  )
  return { current, keys, key: (id) => byId.get(id), isFormer: (id) => former.has(id) }
}

const PURPOSES: readonly Purpose[] = ['ticket', 'lookup', 'card', 'transaction', 'seal', 'form']

function createRingKey({ id, secret }: CheckedEntry): RingKey {
  const subkeys = new Map(PURPOSES.map((purpose) => [purpose, deriveSubkey(secret, purpose)]))
  const subkey = (purpose: Purpose): KeyObject => {
    const key = subkeys.get(purpose)
    if (key === undefined) throw new TypeError('unknown purpose')
    return key
  }
  return {
    id,
    subkey,
    mac: (purpose, ...parts) => {
      const mac = createHmac('sha256', subkey(purpose))
      for (const part of parts) {
        const bytes = typeof part === 'string' ? encodeUtf8(part) : part
        mac.update(lengthOf(bytes)).update(bytes)
      }
      return new Uint8Array(mac.digest())
    },
  }
}

function deriveSubkey(secret: Uint8Array, purpose: Purpose): KeyObject {
  const info = encodeUtf8(`coatcheck/1/${purpose}`)
  return createSecretKey(new Uint8Array(hkdfSync('sha256', secret, new Uint8Array(0), info, 32)))
}

function lengthOf(bytes: Uint8Array): Uint8Array {
  const length = new Uint8Array(4)
  new DataView(length.buffer).setUint32(0, bytes.length)
  return length
}
