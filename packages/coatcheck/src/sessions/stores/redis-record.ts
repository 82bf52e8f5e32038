import { type Bytes, concatBytes, encodeUtf8 } from '../../core/bytes.ts'
import type { StoredSession } from '../session-store.ts'
import { readWord, writeWord } from './redis-keys.ts'

/** A session as one value, in the two parts that change apart. */
export interface RedisRecord {
  /** `version lastSeenAt expiresAt `, each in 16 digits: always as long, so that a touch writes over it alone. */
  readonly head: string
  /** `createdAt` likewise, the words for subject and sid, a line's end; then the bytes with their lengths. */
  readonly tail: Bytes
}

const NO_SID = '!'
const LENGTH_BYTES = 4
/** Sixteen digits and a space. */
const NUMBER_BYTES = 17
const ZERO = 48
const SPACE = 32
const LINE_END = 10

/** A session as its two parts. */
export function writeRecord(session: StoredSession): RedisRecord {
  const { version, lastSeenAt, expiresAt, createdAt, subjectKey, sidKey, format } = session
  const sid = sidKey === undefined ? NO_SID : writeWord(sidKey)
  const { wraps, body, card } = session
  const parts = [body, card, ...wraps]
  const lengths = new Uint8Array(2 + parts.length * LENGTH_BYTES)
  lengths[0] = format
  lengths[1] = parts.length
  const view = new DataView(lengths.buffer)
  for (const [index, part] of parts.entries()) view.setUint32(2 + index * LENGTH_BYTES, part.length)
  return {
    head: [version, lastSeenAt, expiresAt].map(sixteenDigits).join(''),
    tail: concatBytes(
      encodeUtf8(`${sixteenDigits(createdAt)}${writeWord(subjectKey)} ${sid}\n`),
      lengths,
      ...parts,
    ),
  }
}

/** A value as a session, or `undefined` for what no store of ours wrote. */
export function readRecord(id: string, value: unknown): StoredSession | undefined {
  if (!(value instanceof Uint8Array)) return undefined
  const lineEnd = value.indexOf(LINE_END)
  const head = readHead(value, lineEnd)
  if (head === undefined) return undefined
  const parts = unpack(value, lineEnd + 1)
  if (parts === undefined) return undefined
  const { wraps, body, card } = parts
  return { format: 1, id, ...head, wraps, body, card }
}

/** What the words of a value say. */
export type RedisHead = Pick<
  StoredSession,
  'version' | 'lastSeenAt' | 'expiresAt' | 'createdAt' | 'subjectKey' | 'sidKey'
>

/** The words of a value; `undefined` for what no store of ours wrote. */
export function readHead(
  value: Uint8Array,
  end: number = value.indexOf(LINE_END),
): RedisHead | undefined {
  const version = wholeNumber(value, 0)
  const lastSeenAt = wholeNumber(value, NUMBER_BYTES)
  const expiresAt = wholeNumber(value, 2 * NUMBER_BYTES)
  const createdAt = wholeNumber(value, 3 * NUMBER_BYTES)
  if (end === -1 || version === undefined || lastSeenAt === undefined) return undefined
  if (expiresAt === undefined || createdAt === undefined) return undefined
  const words = asText(value, 4 * NUMBER_BYTES, end)
  const between = words.indexOf(' ')
  const subjectKey = between === -1 ? undefined : readWord(words.slice(0, between))
  if (subjectKey === undefined) return undefined
  const sid = words.slice(between + 1)
  if (sid === NO_SID) return { version, lastSeenAt, expiresAt, createdAt, subjectKey }
  const sidKey = readWord(sid)
  if (sidKey === undefined) return undefined
  return { version, lastSeenAt, expiresAt, createdAt, subjectKey, sidKey }
}

/** Bytes of words as text. */
export function asText(bytes: Uint8Array, from = 0, to: number = bytes.length): string {
  const buffer = Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return buffer.toString('latin1', from, to)
}

/** A plain view of bytes that a driver gave. */
export function plainBytes(bytes: Uint8Array, from = 0, to: number = bytes.length): Bytes {
  const { buffer, byteOffset } = bytes
  return buffer instanceof ArrayBuffer
    ? new Uint8Array(buffer, byteOffset + from, to - from)
    : new Uint8Array(bytes.subarray(from, to))
}

// By hand: this is on the way of every request, and the digits stand where they always stand.
function wholeNumber(value: Uint8Array, from: number): number | undefined {
  let number = 0
  for (let place = from; place < from + NUMBER_BYTES - 1; place += 1) {
    const digit = (value[place] ?? 0) - ZERO
    if (digit < 0 || digit > 9) return undefined
    number = number * 10 + digit
  }
  return value[from + NUMBER_BYTES - 1] === SPACE && number <= Number.MAX_SAFE_INTEGER
    ? number
    : undefined
}

function sixteenDigits(number: number): string {
  return `${String(number).padStart(16, '0')} `
}

function uint32(value: Uint8Array, from: number): number {
  const high = (value[from] ?? 0) * 256 + (value[from + 1] ?? 0)
  const low = (value[from + 2] ?? 0) * 256 + (value[from + 3] ?? 0)
  return high * 65_536 + low
}

type Parts = Pick<StoredSession, 'wraps' | 'body' | 'card'>

// Without a list of all parts: this is on the way of every request.
function unpack(value: Uint8Array, from: number): Parts | undefined {
  const count = value[from + 1] ?? 0
  const lengths = from + 2
  const header = lengths + count * LENGTH_BYTES
  if (value[from] !== 1 || count < 2 || value.length < header) return undefined
  const bodyEnd = header + uint32(value, lengths)
  const cardEnd = bodyEnd + uint32(value, lengths + LENGTH_BYTES)
  const wraps: Bytes[] = []
  let offset = cardEnd
  for (let index = 2; index < count; index += 1) {
    const end = offset + uint32(value, lengths + index * LENGTH_BYTES)
    if (end > value.length) return undefined
    wraps.push(plainBytes(value, offset, end))
    offset = end
  }
  if (offset !== value.length) return undefined
  const body = plainBytes(value, header, bodyEnd)
  return { wraps, body, card: plainBytes(value, bodyEnd, cardEnd) }
}
