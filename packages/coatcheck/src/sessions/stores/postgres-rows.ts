import type { Bytes } from '../../core/bytes.ts'
import type { StoredSession } from '../session-store.ts'
import { unpackRecord } from './packed-record.ts'
import type { PostgresRow } from './postgres-statement.ts'

/**
 * The columns of a session as {@link readRow} takes them: numbers as one text, because each column costs; bytes as
 * hexadecimal digits, whatever `bytea_output` says.
 */
export const SESSION_COLUMNS = `s.id, concat_ws(' ', s.format, s.version, s.created_at, t.last_seen_at, t.expires_at),
  s.subject_key, s.sid_key, encode(s.record, 'hex')`

/** A row as a session; `undefined` for one that no store of ours wrote. */
export function readRow(row: PostgresRow | undefined): StoredSession | undefined {
  const [id, numbers, subjectKey, sidKey, record] = row ?? []
  if (typeof id !== 'string' || typeof subjectKey !== 'string') return undefined
  const [format, version, createdAt, lastSeenAt, expiresAt] = readNumbers(numbers ?? '')
  if (format !== 1 || version === undefined || createdAt === undefined) return undefined
  if (lastSeenAt === undefined || expiresAt === undefined) return undefined
  const parts = unpackRecord(readBytes(record ?? ''))
  if (parts === undefined) return undefined
  const { wraps, body, card } = parts
  const session = { format, id, version, createdAt, lastSeenAt, expiresAt, subjectKey } as const
  return typeof sidKey === 'string'
    ? { ...session, sidKey, wraps, body, card }
    : { ...session, wraps, body, card }
}

/** Rows as sessions. What no store of ours wrote is left out: it is ended all the same, and not given back. */
export function readRows(rows: readonly PostgresRow[]): readonly StoredSession[] {
  return rows.flatMap((row) => readRow(row) ?? [])
}

/** Bytes that the server wrote as hexadecimal digits. */
export function readBytes(digits: string): Bytes {
  const { buffer, byteOffset, length } = Buffer.from(digits, 'hex')
  return new Uint8Array(buffer, byteOffset, length)
}

/** A number of milliseconds as `bigint` takes it: whole, and never beyond what a number can say. */
export function whole(value: number): number {
  return Math.min(Math.floor(value), Number.MAX_SAFE_INTEGER)
}

// A foreign writer can put numbers beyond 2^53: such a row is none of ours.
function readNumbers(text: string): readonly (number | undefined)[] {
  return text.split(' ').map((word) => {
    const number = Number(word)
    return Number.isSafeInteger(number) ? number : undefined
  })
}
