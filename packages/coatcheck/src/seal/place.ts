import type { Purpose } from '../ring/key-ring.ts'
import { HEADER_BYTES } from './value-header.ts'

/** What a value is sealed for. */
export interface SealBinding {
  readonly purpose: Purpose
  /** Where it belongs: site, issuer, client, name. It opens nowhere else. */
  readonly context: readonly string[]
}

// Frozen lists that were announced, and what GCM authenticates for each purpose: room for a header, then the place.
const kept = new WeakMap<readonly string[], Map<Purpose, Buffer>>()

/**
 * A context that is used again and again: what is authenticated with it is made once.
 *
 * @example
 * const context = keptContext('https://app.example', issuer, clientId)
 */
export function keptContext(...parts: readonly string[]): readonly string[] {
  const context = Object.freeze([...parts])
  kept.set(context, new Map())
  return context
}

/**
 * What GCM authenticates beside the plaintext: the header with which the sealed bytes begin, then purpose and
 * context as JSON. Good until the next call.
 */
export function associatedData(sealed: Uint8Array, { purpose, context }: SealBinding): Uint8Array {
  const places = kept.get(context)
  const known = places?.get(purpose)
  const bytes = known ?? placeOf(purpose, context)
  if (known === undefined) places?.set(purpose, bytes)
  for (let index = 0; index < HEADER_BYTES; index += 1) bytes[index] = sealed[index] ?? 0
  return bytes
}

function placeOf(purpose: Purpose, context: readonly string[]): Buffer {
  const place = JSON.stringify([purpose, ...context])
  const bytes = Buffer.allocUnsafeSlow(HEADER_BYTES + Buffer.byteLength(place))
  bytes.write(place, HEADER_BYTES)
  return bytes
}
