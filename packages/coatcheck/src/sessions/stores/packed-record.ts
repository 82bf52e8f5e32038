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
  const body = partAt(packed, 0)
  const card = body && partAt(packed, LENGTH_BYTES + body.length)
  if (body === undefined || card === undefined) return undefined
  const wraps: Bytes[] = []
  for (let offset = 2 * LENGTH_BYTES + body.length + card.length; offset < packed.length; ) {
    const wrap = partAt(packed, offset)
    if (wrap === undefined) return undefined
    wraps.push(wrap)
    offset += LENGTH_BYTES + wrap.length
  }
  return { body, card, wraps }
}

function partAt(packed: Bytes, offset: number): Bytes | undefined {
  const start = offset + LENGTH_BYTES
  const length = readLength(packed, offset)
  // Of a length beyond the end nothing is NaN or more: neither is taken.
  if (!(start + length <= packed.length)) return undefined
  // Not `subarray`, which takes twice as long.
  return new Uint8Array(packed.buffer, packed.byteOffset + start, length)
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
