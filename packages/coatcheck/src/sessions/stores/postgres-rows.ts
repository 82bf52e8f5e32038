import type { Bytes } from '../../core/bytes.ts'
import type { StoredSession } from '../session-store.ts'
import { unpackRecord } from './packed-record.ts'
import type { PostgresRow } from './postgres-statement.ts'

/**
 * A session as one column, because each column costs: the record, seven numbers, then the keys one behind the other,
 * whose lengths in bytes are the last two numbers (-1: none). The record is base64, whatever `bytea_output` says:
 * shorter than hexadecimal, and faster on both sides.
 */
export const SESSION_COLUMN = `concat_ws(' ', encode(s.record, 'base64'), s.format, s.version, s.created_at,
    coalesce(t.last_seen_at::text, '-'), coalesce(t.expires_at::text, '-'),
    octet_length(s.subject_key), coalesce(octet_length(s.sid_key), -1), s.subject_key || coalesce(s.sid_key, ''))`

/** A column as the session of an id; `undefined` for one that no store of ours wrote. */
export function readSession(id: string, column: string): StoredSession | undefined {
  const end = column.indexOf(' ')
  const words = readWords(ownText(column.slice(end + 1)))
  if (words === undefined) return undefined
  const parts = unpackRecord(readBytes(column.slice(0, end)))
  if (parts === undefined) return undefined
  const { body, card, wraps } = parts
  return { format: 1, id, ...words, wraps, body, card }
}

/**
 * Rows of id and {@link SESSION_COLUMN} as sessions. What no store of ours wrote is left out: it is ended all the
 * same, and not given back.
 */
export function readRows(rows: readonly PostgresRow[]): readonly StoredSession[] {
  return rows.flatMap(([id, column]) => readSession(id ?? '', column ?? '') ?? [])
}

/** Bytes that the server wrote as base64, in lines. */
export function readBytes(text: string): Bytes {
  const { buffer, byteOffset, length } = Buffer.from(text, 'base64')
  return new Uint8Array(buffer, byteOffset, length)
}

// A part of a text keeps all of it in memory: four kilobytes for each session that is remembered.
function ownText(text: string): string {
  return Buffer.from(text).toString()
}

/** A number of milliseconds as `bigint` takes it: whole, and never beyond what a number can say. */
export function whole(value: number): number {
  return Math.min(Math.floor(value), Number.MAX_SAFE_INTEGER)
}

type Words = Omit<StoredSession, 'format' | 'id' | 'body' | 'card' | 'wraps'>

// A foreign writer can put numbers beyond 2^53: such a row is none of ours.
function readWords(text: string): Words | undefined {
  let from = 0
  const nextNumber = (): number => {
    const end = text.indexOf(' ', from)
    const number = Number(text.slice(from, end))
    from = end + 1
    return Number.isSafeInteger(number) ? number : Number.NaN
  }
  const format = nextNumber()
  const version = nextNumber()
  const createdAt = nextNumber()
  const lastSeenAt = nextNumber()
  const expiresAt = nextNumber()
  const subjectBytes = nextNumber()
  const sidBytes = nextNumber()
  if (format !== 1 || Number.isNaN(version + createdAt + lastSeenAt + expiresAt)) return undefined
  const keys = text.slice(from)
  const times = { version, createdAt, lastSeenAt, expiresAt }
  const [subjectKey, sidKey] = splitKeys(keys, subjectBytes, sidBytes)
  return sidBytes < 0 ? { ...times, subjectKey } : { ...times, subjectKey, sidKey }
}

function splitKeys(keys: string, subjectBytes: number, sidBytes: number): [string, string] {
  // Of plain ASCII, which keys nearly always are, each character is a byte.
  if (keys.length === subjectBytes + Math.max(0, sidBytes)) {
    return [keys.slice(0, subjectBytes), keys.slice(subjectBytes)]
  }
  const bytes = Buffer.from(keys)
  return [bytes.toString('utf8', 0, subjectBytes), bytes.toString('utf8', subjectBytes)]
}
