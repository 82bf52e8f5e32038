import type { KeyObject } from 'node:crypto'
import { type Bytes, concatBytes } from '../core/bytes.ts'
import type { RandomSource } from '../core/random.ts'
import type { KeyRing, Purpose, RingKey } from '../ring/key-ring.ts'
import { readBase64url } from './base64url.ts'
import { FORMAT, KEY_ID_BYTES, NONCE_AT, START_BYTES } from './value-header.ts'
import { deriveXaesKey, NONCE_BYTES, PREFIX_BYTES } from './xaes.ts'

const SUFFIX_BYTES = NONCE_BYTES - PREFIX_BYTES
// GCM under one subkey: far below the 2^32 messages at which random 96-bit nonces wear out.
const MAX_SEALS_PER_PREFIX = 2 ** 24
const MAX_OPENING_SUBKEYS = 256
// Nonces are no secret: drawn together they cost a tenth of what each would cost alone.
const SUFFIXES_PER_DRAW = 128

/** What one value is sealed with. */
export interface SealingKey {
  /** What its header begins with. */
  readonly start: Bytes
  /** The rest of the header, used by nobody before. */
  readonly suffix: Bytes
  readonly subkey: KeyObject
}

/** What opens a value that begins so, if its seal is genuine. */
export interface OpeningKey {
  readonly id: string
  readonly subkey: KeyObject
  /** To be called when it has opened: made-up prefixes push out none that are in use. */
  readonly keep: () => void
}

interface Sealing {
  readonly start: Bytes
  readonly subkey: KeyObject
  suffixes: Bytes
  used: number
}

// The subkeys of a ring's key, as long as somebody holds it: one prefix a process and purpose for sealing,
// a few for opening what others sealed.
const sealing = new WeakMap<RingKey, Map<Purpose, Sealing>>()
const opening = new WeakMap<RingKey, Map<string, KeyObject>>()

/** The subkey under which this process seals, and a nonce. */
export function sealingKey(key: RingKey, purpose: Purpose, random: RandomSource): SealingKey {
  const kept = sealing.get(key) ?? new Map<Purpose, Sealing>()
  sealing.set(key, kept)
  let entry = kept.get(purpose)
  if (entry === undefined || entry.used >= MAX_SEALS_PER_PREFIX) {
    entry = newSealing(key, purpose, random)
    kept.set(purpose, entry)
  }
  const offset = (entry.used % SUFFIXES_PER_DRAW) * SUFFIX_BYTES
  if (offset === 0) entry.suffixes = random(SUFFIXES_PER_DRAW * SUFFIX_BYTES)
  entry.used += 1
  const { start, subkey, suffixes } = entry
  return { start, subkey, suffix: suffixes.subarray(offset, offset + SUFFIX_BYTES) }
}

/** The subkey for what begins with `start`, `undefined` for a key that the ring does not know. */
export function openingKey(ring: KeyRing, purpose: Purpose, start: Buffer): OpeningKey | undefined {
  const { current } = ring
  const own = sealing.get(current)?.get(purpose)
  if (own !== undefined && startsWith(start, own.start)) {
    return { id: current.id, subkey: own.subkey, keep: nothing }
  }
  const id = start.toString('base64url', 1, NONCE_AT)
  const key = ring.key(id)
  if (key === undefined) return undefined
  const kept = opening.get(key) ?? new Map<string, KeyObject>()
  opening.set(key, kept)
  const prefix = start.subarray(NONCE_AT, START_BYTES)
  const name = purpose + prefix.toString('latin1')
  const known = kept.get(name)
  if (known !== undefined) return { id, subkey: known, keep: nothing }
  const subkey = deriveXaesKey(key.subkey(purpose), prefix)
  return { id, subkey, keep: () => keep(kept, name, subkey) }
}

function newSealing(key: RingKey, purpose: Purpose, random: RandomSource): Sealing {
  const prefix = random(PREFIX_BYTES)
  const id = readBase64url(key.id) ?? new Uint8Array(KEY_ID_BYTES)
  return {
    start: concatBytes(Uint8Array.of(FORMAT), id, prefix),
    subkey: deriveXaesKey(key.subkey(purpose), prefix),
    suffixes: prefix,
    used: 0,
  }
}

function keep(kept: Map<string, KeyObject>, name: string, subkey: KeyObject): void {
  const oldest = kept.size >= MAX_OPENING_SUBKEYS ? kept.keys().next().value : undefined
  if (oldest !== undefined) kept.delete(oldest)
  kept.set(name, subkey)
}

function startsWith(bytes: Uint8Array, start: Uint8Array): boolean {
  for (let index = 0; index < START_BYTES; index += 1) {
    if (bytes[index] !== start[index]) return false
  }
  return true
}

function nothing(): void {}
