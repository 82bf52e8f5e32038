import { cookieCount, splitCookie } from '../cookies/chunks.ts'
import { type FoundCookie, joinCookies, staleChunks } from '../cookies/found-chunks.ts'
import { newGeneration } from '../cookies/generation.ts'
import { type HeaderSizes, headerSizes } from '../cookies/parse.ts'
import { type CookieAttributes, deleteCookie, serializeCookie } from '../cookies/serialize.ts'
import type { Clock } from '../core/clock.ts'
import type { RandomSource } from '../core/random.ts'
import type { KeyRing } from '../ring/key-ring.ts'
import type { PackedCost } from '../seal/pack.ts'
import { keptContext } from '../seal/place.ts'
import { openValue, sealedLength, sealValue } from '../seal/seal-value.ts'
import { type PackedContents, packContents, unpackContents } from './packed-contents.ts'
import { TICKET_LENGTH } from './ticket.ts'

/** What {@link createSealedCookies} needs. */
export interface SealedCookiesOptions {
  readonly ring: KeyRing
  /** Where the cookie belongs; it opens nowhere else. */
  readonly site: string
  readonly issuer: string
  readonly clientId: string
  readonly name: string
  readonly attributes: CookieAttributes
  readonly clock: Clock
  readonly random: RandomSource
  /** What the whole Cookie header may measure. Default: 8192. */
  readonly budgetBytes?: number | undefined
  /** When headers and claims are deflated: it costs about as much again as sealing. Default: `to_save_a_cookie`. */
  readonly deflate?: 'never' | 'to_save_a_cookie' | 'always' | undefined
}

/** Why a sealed cookie is not used; for the log. */
export type SealedCookieRefusal =
  | 'absent'
  | 'twins'
  | 'incomplete'
  | 'malformed'
  | 'unknown_key'
  | 'tampered'

/** What a request brings along. {@link SealedCookies.seal} and `clear` take it as it is. */
export type OpenedCookie = {
  /** What the Cookie header measures, and our cookies in it. The header itself is not kept. */
  readonly sizes: HeaderSizes
  /** The names of all cookies of ours in it. */
  readonly names: readonly string[]
  /** When each generation that opened was sealed; the one cookie NAME has an empty one. */
  readonly sealedAt: ReadonlyMap<string, number>
} & (
  | {
      readonly ok: true
      readonly contents: PackedContents
      /** The ring's key under which it was sealed: of another than the current one, seal it again. */
      readonly keyId: string
    }
  | { readonly ok: false; readonly reason: SealedCookieRefusal }
)

/** The Set-Cookie values of one answer, or why there are none. */
export type SealedCookie =
  | {
      readonly ok: true
      readonly setCookies: readonly string[]
      /** What the Cookie header will measure. */
      readonly bytes: number
      readonly sealedAt: number
    }
  | {
      readonly ok: false
      readonly reason: 'too_large'
      readonly bytes: number
      readonly budget: number
    }

/** How one value is sealed and set. */
export interface SealingOptions {
  /** How long the browser keeps it. Default: until it closes. */
  readonly maxAgeSeconds?: number
  /** A sign-in: nothing of what the browser had may come back. Default: false. */
  readonly replaces?: boolean
}

/** Sessions that lie in the browser's cookie, sealed. */
export interface SealedCookies {
  /** The newest session that the header holds whole. Never throws. */
  open(header: string | undefined): OpenedCookie
  /** A successor of what the request brought; whatever that was, it is newer. */
  seal(
    contents: Omit<PackedContents, 'sealedAt'>,
    request: OpenedCookie,
    options?: SealingOptions,
  ): SealedCookie
  /** For signing out: deletes all that the request brought. */
  clear(request: OpenedCookie): readonly string[]
}

const FORMAT = 'cookie/1'

/**
 * Seals sessions into cookies: one seal over everything, bound to site, issuer, client, the cookie's name, the
 * format and the generation of its chunks. Which of several is the newest, the time inside the seal says.
 */
export function createSealedCookies(options: SealedCookiesOptions): SealedCookies {
  const { ring, site, issuer, clientId, name, attributes, clock, random } = options
  const cost = costOf(options)

  const single = keptContext(site, issuer, clientId, FORMAT, name, '')

  const bindingOf = (generation: string) => ({
    purpose: 'seal' as const,
    context: generation === '' ? single : [...single.slice(0, -1), generation],
  })

  function openOne({ generation, value }: FoundCookie): Attempt {
    const opened = openValue(ring, { ...bindingOf(generation), value })
    if (!opened.ok) return { generation, reason: opened.reason }
    const contents = unpackContents(opened.bytes, options)
    if (contents === undefined) return { generation, reason: 'malformed' }
    return { generation, contents, keyId: opened.keyId }
  }

  function open(header: string | undefined): OpenedCookie {
    const found = joinCookies(header, name)
    const attempts = found.ok ? found.complete.filter(mayBeSealed).map(openOne) : []
    const opened = attempts.filter((attempt) => 'contents' in attempt)
    const sealedAt = new Map(
      opened.map(({ generation, contents }) => [generation, contents.sealedAt]),
    )
    const sizes = headerSizes(header, found.names)
    const seen = { sizes, names: found.names, sealedAt }
    if (!found.ok) return { ...seen, ok: false, reason: found.reason }
    const refused = attempts.filter((attempt) => 'reason' in attempt)
    // One under a key of tomorrow could be the newest: the ring has to be read again first.
    const unknown = refused.find(({ reason }) => reason === 'unknown_key')
    const newest = opened.sort(byAge).at(-1)
    if (newest === undefined || unknown !== undefined) {
      const reason = unknown?.reason ?? refused[0]?.reason ?? 'malformed'
      return { ...seen, ok: false, reason }
    }
    return { ...seen, ok: true, contents: newest.contents, keyId: newest.keyId }
  }

  function seal(
    contents: Omit<PackedContents, 'sealedAt'>,
    request: OpenedCookie,
    { maxAgeSeconds, replaces = false }: SealingOptions = {},
  ): SealedCookie {
    const nowMs = clock()
    // Another process's clock may be ahead: a successor is newer than what it follows all the same.
    const sealedAt = Math.max(nowMs, ...[...request.sealedAt.values()].map((time) => time + 1))
    const bytes = packContents({ ...contents, sealedAt }, options, cost)
    const isChunked = cookieCount(name, sealedLength(bytes.length)) > 1
    const generation = isChunked ? newGeneration(nowMs, random) : ''
    const value = sealValue(ring, { ...bindingOf(generation), bytes, random })
    const stale = staleOf(request, nowMs, { isChunked, replaces })
    const split = splitCookie({
      name,
      value,
      generation,
      besideBytes: besides(request.sizes, isChunked ? stale : [...stale, name]),
      ...(options.budgetBytes === undefined ? {} : { budgetBytes: options.budgetBytes }),
    })
    if (!split.ok) return split
    const kept = maxAgeSeconds === undefined ? attributes : { ...attributes, maxAgeSeconds }
    const set = split.cookies.map((cookie) => serializeCookie(cookie.name, cookie.value, kept))
    const deleted = stale.map((staleName) => deleteCookie(staleName, attributes))
    return { ok: true, setCookies: [...set, ...deleted], bytes: split.bytes, sealedAt }
  }

  // NAME gives way to chunks only at sign-in, or when it opens no more: who holds an old value there would be locked out.
  function staleOf(
    request: OpenedCookie,
    nowMs: number,
    { isChunked, replaces }: { readonly isChunked: boolean; readonly replaces: boolean },
  ): readonly string[] {
    const older = [...request.sealedAt.keys()]
    const chunks = staleChunks(request.names, name, { older, nowMs })
    const isNamed = isChunked && request.names.includes(name)
    return isNamed && (replaces || !request.sealedAt.has('')) ? [...chunks, name] : chunks
  }

  return {
    open,
    seal,
    clear: (request) => request.names.map((each) => deleteCookie(each, attributes)),
  }
}

// What lies under the name beside chunks may be a ticket, of any bytes; no sealed value is so short.
function mayBeSealed({ value }: FoundCookie): boolean {
  return value.length !== TICKET_LENGTH
}

function besides({ total, of }: HeaderSizes, names: readonly string[]): number {
  return names.reduce((left, name) => left - (of.get(name) ?? 0), total)
}

type Attempt = { readonly generation: string } & (
  | { readonly contents: PackedContents; readonly keyId: string }
  | { readonly reason: 'malformed' | 'unknown_key' | 'tampered' }
)

type Opened = Extract<Attempt, { readonly contents: PackedContents }>

function byAge(one: Opened, other: Opened): number {
  const distance = one.contents.sealedAt - other.contents.sealedAt
  if (distance !== 0) return distance
  return one.generation < other.generation ? -1 : 1
}

function costOf({
  name,
  deflate = 'to_save_a_cookie',
}: SealedCookiesOptions): PackedCost | undefined {
  if (deflate === 'never') return undefined
  if (deflate === 'always') return (bytes) => bytes
  return (bytes) => cookieCount(name, sealedLength(bytes))
}
