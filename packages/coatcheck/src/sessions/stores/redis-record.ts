import { type Bytes, concatBytes } from '../../core/bytes.ts'
import type { StoredSession } from '../session-store.ts'
import { readWord, writeWord } from './redis-keys.ts'

/** The two fields of a session's hash: what scripts read and touch writes; and what only replace writes. */
export interface RedisRecord {
  /** `version lastSeenAt expiresAt createdAt subject sid`, in words. */
  readonly head: string
  readonly body: Bytes
}

const NO_SID = '!'
const LENGTH_BYTES = 4

/** A session as its two fields. */
export function writeRecord(session: StoredSession): RedisRecord {
  const { version, lastSeenAt, expiresAt, createdAt, subjectKey, sidKey, format } = session
  const sid = sidKey === undefined ? NO_SID : writeWord(sidKey)
  const head = `${version} ${lastSeenAt} ${expiresAt} ${createdAt} ${writeWord(subjectKey)} ${sid}`
  const { wraps, body, card } = session
  const parts = [body, card, ...wraps]
  const lengths = new Uint8Array(1 + parts.length * LENGTH_BYTES)
  lengths[0] = format
  const view = new DataView(lengths.buffer)
  for (const [index, part] of parts.entries()) view.setUint32(1 + index * LENGTH_BYTES, part.length)
  return { head, body: concatBytes(Uint8Array.of(parts.length), lengths, ...parts) }
}

/** The fields as a session, or `undefined` for what no store of ours wrote. */
export function readRecord(id: string, head: unknown, packed: unknown): StoredSession | undefined {
  if (!(packed instanceof Uint8Array)) return undefined
  const found = readHead(head)
  const [body, card, ...wraps] = unpack(packed) ?? []
  if (found === undefined || body === undefined || card === undefined) return undefined
  return { format: 1, id, ...found, wraps, body, card }
}

/** What the head says. */
export type RedisHead = Pick<
  StoredSession,
  'version' | 'lastSeenAt' | 'expiresAt' | 'createdAt' | 'subjectKey' | 'sidKey'
>

/** The head of a session; `undefined` for what no store of ours wrote. */
export function readHead(head: unknown): RedisHead | undefined {
  if (!(head instanceof Uint8Array)) return undefined
  const words = asText(head).split(' ')
  if (words.length !== 6) return undefined
  const [version, lastSeenAt, expiresAt, createdAt] = words.slice(0, 4).map(wholeNumber)
  if (version === undefined || lastSeenAt === undefined) return undefined
  if (expiresAt === undefined || createdAt === undefined) return undefined
  const [subjectKey, sidKey] = [readWord(words[4] ?? ''), words[5] ?? '']
  if (subjectKey === undefined) return undefined
  const times = { version, lastSeenAt, expiresAt, createdAt, subjectKey }
  if (sidKey === NO_SID) return times
  const sid = readWord(sidKey)
  return sid === undefined ? undefined : { ...times, sidKey: sid }
}

/** Bytes of words as text. */
export function asText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}

/** A plain view of bytes that a driver gave. */
export function plainBytes(bytes: Uint8Array, from = 0, to: number = bytes.length): Bytes {
  const { buffer, byteOffset } = bytes
  return buffer instanceof ArrayBuffer
    ? new Uint8Array(buffer, byteOffset + from, to - from)
    : new Uint8Array(bytes.subarray(from, to))
}

function wholeNumber(word: string): number | undefined {
  const number = /^\d{1,16}$/.test(word) ? Number(word) : undefined
  return number !== undefined && Number.isSafeInteger(number) ? number : undefined
}

function unpack(packed: Uint8Array): readonly Bytes[] | undefined {
  const [count = 0, format] = packed
  const header = 2 + count * LENGTH_BYTES
  if (format !== 1 || packed.length < header) return undefined
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength)
  const parts: Bytes[] = []
  let offset = header
  for (let index = 0; index < count; index += 1) {
    const end = offset + view.getUint32(2 + index * LENGTH_BYTES)
    if (end > packed.length) return undefined
    parts.push(plainBytes(packed, offset, end))
    offset = end
  }
  return offset === packed.length ? parts : undefined
}
