import type { Bytes } from '../../core/bytes.ts'
import type { StoredSession } from '../session-store.ts'
import { unpackRecord } from './packed-record.ts'

/** The columns of a session as {@link readRow} takes them, in this order. */
export const SESSION_COLUMNS =
  's.version, s.created_at, s.subject_key, s.sid_key, s.record, t.last_seen_at, t.expires_at'

/** A row, given as array or object, as the session of an id; `undefined` for one that no store of ours wrote. */
export function readRow(id: string, row: unknown): StoredSession | undefined {
  if (typeof row !== 'object' || row === null) return undefined
  const values: readonly unknown[] = Array.isArray(row) ? row : Object.values(row)
  // Taken by index: destructuring an array goes through its iterator, and this is done for each request.
  const version = values[0]
  const createdAt = values[1]
  const subjectKey = values[2]
  const sidKey = values[3]
  const record = values[4]
  const lastSeenAt = values[5]
  const expiresAt = values[6]
  if (typeof subjectKey !== 'string') return undefined
  if (typeof version !== 'number' || typeof createdAt !== 'number') return undefined
  if (typeof lastSeenAt !== 'number' || typeof expiresAt !== 'number') return undefined
  const parts = record instanceof Uint8Array ? unpackRecord(own(record)) : undefined
  if (parts === undefined) return undefined
  const { wraps, body, card } = parts
  const times = { version, createdAt, lastSeenAt, expiresAt }
  return typeof sidKey === 'string'
    ? { format: 1, id, ...times, subjectKey, sidKey, wraps, body, card }
    : { format: 1, id, ...times, subjectKey, wraps, body, card }
}

/** Plain bytes over a plain buffer: a `Buffer`, which better-sqlite3 gives, shares its memory with its slices. */
export function own(bytes: Uint8Array): Bytes {
  const { buffer, byteOffset, length } = bytes
  if (!(buffer instanceof ArrayBuffer)) return new Uint8Array(bytes)
  return bytes.constructor === Uint8Array
    ? (bytes as Bytes)
    : new Uint8Array(buffer, byteOffset, length)
}
