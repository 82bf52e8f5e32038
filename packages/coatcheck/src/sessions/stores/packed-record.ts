import { type Bytes, concatBytes } from '../../core/bytes.ts'
import type { StoredSession } from '../session-store.ts'

const LENGTH_BYTES = 4

/**
 * The sealed parts as one column, because each column of a row costs: body, card and wraps, each preceded by its
 * length (32 bits, big endian).
 */
export function packRecord(parts: Pick<StoredSession, 'body' | 'card' | 'wraps'>): Bytes {
  return concatBytes(
    ...[parts.body, parts.card, ...parts.wraps].flatMap((part) => [lengthOf(part), part]),
  )
}

/** The sealed parts of a column, or `undefined` for one that no store of ours wrote. */
export function unpackRecord(
  packed: Bytes,
): Pick<StoredSession, 'body' | 'card' | 'wraps'> | undefined {
  const parts: Bytes[] = []
  for (let offset = 0; offset < packed.length; ) {
    const start = offset + LENGTH_BYTES
    const end = start + readLength(packed, offset)
    // Of a length beyond the end nothing is NaN or more: neither is taken.
    if (!(end <= packed.length)) return undefined
    parts.push(packed.subarray(start, end))
    offset = end
  }
  const wraps = parts.splice(2)
  const [body, card] = [parts[0], parts[1]]
  return body === undefined || card === undefined ? undefined : { body, card, wraps }
}

function lengthOf(bytes: Uint8Array): Bytes {
  const length = new Uint8Array(LENGTH_BYTES)
  new DataView(length.buffer).setUint32(0, bytes.length)
  return length
}

function readLength(bytes: Uint8Array, offset: number): number {
  const byte = (at: number): number => bytes[offset + at] ?? Number.NaN
  return byte(0) * 0x1_00_00_00 + byte(1) * 0x1_00_00 + byte(2) * 0x1_00 + byte(3)
}
