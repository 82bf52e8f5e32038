import { type Bytes, concatBytes } from '../../core/bytes.ts'
import type { StoredSession } from '../session-store.ts'
import type { SqliteValue } from './sqlite-client.ts'

const LENGTH_BYTES = 2

/** Wraps as one column: each preceded by its length. */
export function packWraps(wraps: readonly Bytes[]): Bytes {
  return concatBytes(
    ...wraps.flatMap((wrap) => {
      const length = new Uint8Array(LENGTH_BYTES)
      new DataView(length.buffer).setUint16(0, wrap.length)
      return [length, wrap]
    }),
  )
}

/** A row as a session, or `undefined` for one that no store of ours wrote. */
export function readRow(row: unknown): StoredSession | undefined {
  if (typeof row !== 'object' || row === null) return undefined
  const columns = row as Readonly<Record<string, SqliteValue | undefined>>
  const {
    id,
    format,
    version,
    created_at: createdAt,
    subject_key: subjectKey,
    sid_key: sidKey,
  } = columns
  const { last_seen_at: lastSeenAt, expires_at: expiresAt, wraps, body, card } = columns
  if (typeof id !== 'string' || typeof subjectKey !== 'string' || format !== 1) return undefined
  if (typeof version !== 'number' || typeof createdAt !== 'number') return undefined
  if (typeof lastSeenAt !== 'number' || typeof expiresAt !== 'number') return undefined
  if (!(wraps instanceof Uint8Array && body instanceof Uint8Array && card instanceof Uint8Array)) {
    return undefined
  }
  const unpacked = unpackWraps(own(wraps))
  if (unpacked === undefined) return undefined
  return {
    format,
    id,
    version,
    createdAt,
    lastSeenAt,
    expiresAt,
    subjectKey,
    ...(typeof sidKey === 'string' ? { sidKey } : {}),
    wraps: unpacked,
    body: own(body),
    card: own(card),
  }
}

/** Bytes over a plain buffer of their own. */
export function own(bytes: Uint8Array): Bytes {
  return bytes.buffer instanceof ArrayBuffer ? (bytes as Bytes) : new Uint8Array(bytes)
}

function unpackWraps(packed: Bytes): readonly Bytes[] | undefined {
  const wraps: Bytes[] = []
  for (let offset = 0; offset < packed.length; ) {
    const [high, low] = [packed[offset], packed[offset + 1]]
    if (high === undefined || low === undefined) return undefined
    const end = offset + LENGTH_BYTES + high * 256 + low
    if (end > packed.length) return undefined
    wraps.push(packed.subarray(offset + LENGTH_BYTES, end))
    offset = end
  }
  return wraps
}
