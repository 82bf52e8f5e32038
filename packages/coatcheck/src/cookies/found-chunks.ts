import { decodeUtf8, encodeUtf8 } from '../core/bytes.ts'
import { chunkName, MAX_CHUNKS } from './chunks.ts'
import { GENERATION_LENGTH, generationTime, isGeneration } from './generation.ts'
import { listCookies } from './parse.ts'

/** A value that all of its chunks were there for. */
export interface FoundCookie {
  /** Empty for the one cookie NAME. */
  readonly generation: string
  readonly value: string
}

/** What a request brings along under a name. */
export type FoundCookies = {
  /** The names of what was found, chunks of no use included; 32 at most. */
  readonly names: readonly string[]
} & (
  | {
      readonly ok: true
      /** One or more; which is the newest, only their seals can tell. */
      readonly complete: readonly FoundCookie[]
    }
  | { readonly ok: false; readonly reason: 'absent' | 'incomplete' | 'twins' }
)

// Each costs an attempt to open it; more than two or three come from nowhere but an attack.
const MAX_GENERATIONS = 8
const MAX_NAMES = 32
// Answers of parallel requests arrive within this, or not at all.
const GRACE_MS = 60_000

/**
 * The value of `name` and of each of its generations that is complete. Chunks of different generations are
 * never put together; what a generation has beyond its own number of chunks is left out. Twins (of NAME or any
 * chunk) can only be planted: then nothing is used. Never throws, whatever the header holds.
 *
 * @see RFC 6265bis, sections 5.6 and 8.6
 * @example
 * joinCookies('id=abc', 'id') // { ok: true, complete: [{ generation: '', value: 'abc' }], names: ['id'] }
 */
export function joinCookies(header: string | undefined, name: string): FoundCookies {
  const found = new Map<string, string>()
  const generations = new Set<string>()
  let hasTwins = false
  for (const cookie of listCookies(header, name)) {
    const generation = generationOf(cookie.name, name)
    if (generation === undefined) continue
    hasTwins ||= found.has(cookie.name)
    found.set(cookie.name, cookie.value)
    if (generation !== '') generations.add(generation)
  }
  // Copies: a part of the header would keep all of it in memory, other apps' cookies included.
  const names = [...found.keys()].slice(0, MAX_NAMES).map(copyOf)
  if (hasTwins) return { ok: false, reason: 'twins', names }
  if (names.length === 0) return { ok: false, reason: 'absent', names }
  const single = found.get(name)
  const complete = single === undefined ? [] : [{ generation: '', value: single }]
  for (const generation of [...generations].sort().reverse().slice(0, MAX_GENERATIONS)) {
    const value = joinGeneration(found, name, generation)
    if (value !== undefined) complete.push({ generation: copyOf(generation), value })
  }
  return complete.length === 0
    ? { ok: false, reason: 'incomplete', names }
    : { ok: true, complete, names }
}

/**
 * The chunks that an answer may delete when it sets a newer value: those of the generations that were opened
 * and are `older`, and those of other generations whose time is long past or never was. What was made within
 * the last minute may be half of another answer's. NAME itself is not among them: its name does not tell which
 * value it holds by now, and only signing out deletes what a later answer may have set.
 */
export function staleChunks(
  names: readonly string[],
  name: string,
  options: { readonly older: readonly string[]; readonly nowMs: number },
): readonly string[] {
  const older = new Set(options.older)
  return names.filter((candidate) => {
    const generation = generationOf(candidate, name) ?? ''
    if (generation === '') return false
    return older.has(generation) || Math.abs(options.nowMs - generationTime(generation)) > GRACE_MS
  })
}

// Latin-1, as header names are; decoding makes a string of its own.
function copyOf(text: string): string {
  return decodeUtf8(encodeUtf8(text)) ?? text
}

// The generation in a chunk's name, empty for NAME, `undefined` for what is neither.
function generationOf(candidate: string, name: string): string | undefined {
  if (candidate === name) return ''
  const start = name.length + 1
  const end = start + GENERATION_LENGTH
  const generation = candidate.slice(start, end)
  const index = Number(candidate.slice(end + 1))
  const isChunk =
    candidate.length === end + 2 &&
    isGeneration(generation) &&
    candidate === chunkName(name, generation, index)
  return isChunk ? generation : undefined
}

function joinGeneration(
  found: ReadonlyMap<string, string>,
  name: string,
  generation: string,
): string | undefined {
  const first = found.get(chunkName(name, generation, 0)) ?? ''
  const count = Number(first.slice(0, 1))
  if (!(count >= 2 && count <= MAX_CHUNKS)) return undefined
  let value = first.slice(1)
  for (let index = 1; index < count; index += 1) {
    const chunk = found.get(chunkName(name, generation, index))
    if (chunk === undefined) return undefined
    value += chunk
  }
  return value
}
