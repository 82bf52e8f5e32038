import { GENERATION_LENGTH } from './generation.ts'
import { MAX_PAIR_BYTES } from './serialize.ts'

/** What a Cookie header may measure by default: servers and proxies take 8 KB and more. */
export const DEFAULT_HEADER_BYTES = 8192

/** More chunks than this have no place in any header. */
export const MAX_CHUNKS = 9

/** A cookie to be set. */
export interface CookiePair {
  readonly name: string
  readonly value: string
}

/** What {@link splitCookie} splits. */
export interface SplitCookieOptions {
  readonly name: string
  /** Cookie octets. */
  readonly value: string
  /** What tells these chunks from all others. @see newGeneration */
  readonly generation: string
  /** What the whole Cookie header may measure: names, `=` and `; ` included. Default: 8192. */
  readonly budgetBytes?: number
  /** What other cookies in that header measure. Default: 0. @see headerSizes */
  readonly besideBytes?: number
}

/** The cookies of a value, or why there are none. */
export type SplitCookie =
  | { readonly ok: true; readonly cookies: readonly CookiePair[]; readonly bytes: number }
  | {
      readonly ok: false
      readonly reason: 'too_large'
      /** What the header would measure. */
      readonly bytes: number
      readonly budget: number
    }

/**
 * How many cookies a value of so many characters takes.
 *
 * @example
 * cookieCount('id', 5000) // 2
 */
export function cookieCount(name: string, valueLength: number): number {
  if (name.length + valueLength <= MAX_PAIR_BYTES) return 1
  return Math.ceil((valueLength + 1) / chunkRoom(name))
}

/**
 * A value as one cookie NAME, or as chunks NAME-GENERATION-0 and so on, the first of which begins with their
 * number. No cookie measures more than browsers keep, and all of them no more than the header may.
 *
 * @see RFC 6265bis, section 5.6
 * @example
 * splitCookie({ name: 'id', value: 'abc', generation: '' }) // { ok: true, cookies: [{ name: 'id', value: 'abc' }], bytes: 6 }
 */
export function splitCookie(options: SplitCookieOptions): SplitCookie {
  const { name, value, generation, budgetBytes = DEFAULT_HEADER_BYTES, besideBytes = 0 } = options
  const count = cookieCount(name, value.length)
  const cookies = count === 1 ? [{ name, value }] : chunksOf(name, value, generation, count)
  const bytes = cookies.reduce((sum, cookie) => sum + pairBytes(cookie), besideBytes) - 2
  if (bytes > budgetBytes || count > MAX_CHUNKS) {
    return { ok: false, reason: 'too_large', bytes, budget: budgetBytes }
  }
  return { ok: true, cookies, bytes }
}

/** The name of one chunk. */
export function chunkName(name: string, generation: string, index: number): string {
  return `${name}-${generation}-${index}`
}

function chunksOf(
  name: string,
  value: string,
  generation: string,
  count: number,
): readonly CookiePair[] {
  const room = chunkRoom(name)
  const counted = `${count}${value}`
  return Array.from({ length: count }, (_, index) => ({
    name: chunkName(name, generation, index),
    value: counted.slice(index * room, (index + 1) * room),
  }))
}

function chunkRoom(name: string): number {
  return Math.max(1, MAX_PAIR_BYTES - name.length - GENERATION_LENGTH - 3)
}

function pairBytes({ name, value }: CookiePair): number {
  return name.length + 1 + value.length + 2
}
