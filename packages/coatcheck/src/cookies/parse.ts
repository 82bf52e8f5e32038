import { isOwnCookie } from './names.ts'

/** What a request says about one cookie. */
export type CookieReading =
  | { readonly ok: true; readonly value: string }
  | { readonly ok: false; readonly reason: 'absent' | 'twins' }

const ABSENT: CookieReading = { ok: false, reason: 'absent' }
const TWINS: CookieReading = { ok: false, reason: 'twins' }

/**
 * The cookie of exactly this name. Twins (a second cookie of the name, which only somebody else can have
 * planted) are never chosen from: none is used. Never throws, whatever the header holds.
 *
 * @see RFC 6265bis, sections 5.6 and 8.6
 * @example
 * findCookie('a=1; b=2', 'b') // { ok: true, value: '2' }
 * findCookie('b=1; b=2', 'b') // { ok: false, reason: 'twins' }
 */
export function findCookie(header: string | undefined, name: string): CookieReading {
  if (header === undefined) return ABSENT
  let value: string | undefined
  let from = header.indexOf(name)
  while (from !== -1) {
    const after = from + name.length
    if (startsPair(header, from) && header.charCodeAt(after) === EQUALS) {
      if (value !== undefined) return TWINS
      const end = header.indexOf(';', after)
      value = trimWhiteSpace(header.slice(after + 1, end === -1 ? header.length : end))
    }
    from = header.indexOf(name, after)
  }
  return value === undefined ? ABSENT : { ok: true, value }
}

/**
 * The values of all cookies of exactly this name, `max` at most: for ending what twins stand for, never for
 * choosing from.
 *
 * @example
 * listCookieValues('b=1; a=3; b=2', 'b', 4) // ['1', '2']
 */
export function listCookieValues(
  header: string | undefined,
  name: string,
  max: number,
): readonly string[] {
  if (header === undefined) return []
  const values: string[] = []
  for (const pair of header.split(';')) {
    const reading = findCookie(pair, name)
    if (reading.ok && values.length < max) values.push(reading.value)
  }
  return values
}

/**
 * The names of all cookies that begin with `prefix`, in the order received, twins included.
 *
 * @example
 * listCookieNames('t-1=a; x=b; t-2=c', 't-') // ['t-1', 't-2']
 */
export function listCookieNames(header: string | undefined, prefix: string): readonly string[] {
  return listCookies(header, prefix).map(({ name }) => name)
}

/**
 * All cookies whose name begins with `prefix`, in the order received, twins included.
 *
 * @example
 * listCookies('t-1=a; x=b; t-2=c', 't-') // [{ name: 't-1', value: 'a' }, { name: 't-2', value: 'c' }]
 */
export function listCookies(
  header: string | undefined,
  prefix: string,
): readonly { readonly name: string; readonly value: string }[] {
  if (header === undefined || !header.includes(prefix)) return []
  const cookies: { readonly name: string; readonly value: string }[] = []
  for (const pair of header.split(';')) {
    const name = nameOf(pair)
    if (!name.startsWith(prefix) || name === '') continue
    cookies.push({ name, value: trimWhiteSpace(pair.slice(pair.indexOf('=') + 1)) })
  }
  return cookies
}

/**
 * The Cookie header without our own cookies, or `undefined` when nothing is left: what may travel on to somebody
 * else.
 *
 * @example
 * withoutOwnCookies('__Host-Http-coatcheck=a; theme=dark', 'coatcheck') // 'theme=dark'
 */
export function withoutOwnCookies(header: string | undefined, ours: string): string | undefined {
  if (header === undefined) return undefined
  const kept = header.split(';').filter((pair) => !isOwnCookie(pair, ours))
  const joined = trimWhiteSpace(kept.join(';'))
  return joined === '' ? undefined : joined
}

/** What a Cookie header measures, and each of some names in it, twins together; all with the `; ` that follows. */
export interface HeaderSizes {
  readonly total: number
  readonly of: ReadonlyMap<string, number>
}

/**
 * Measures a Cookie header once, so that it need not be kept.
 *
 * @example
 * headerSizes('id=abc; theme=dark', ['id']) // total: 20, of id: 8
 */
export function headerSizes(header: string | undefined, names: readonly string[]): HeaderSizes {
  // The keys are the caller's: a part of the header would keep all of it in memory.
  const of = new Map(names.map((name) => [name, 0]))
  let total = 0
  for (const pair of (header ?? '').split(';')) {
    const { length } = trimWhiteSpace(pair)
    if (length === 0) continue
    total += length + 2
    const name = nameOf(pair)
    const known = of.get(name)
    if (known !== undefined) of.set(name, known + length + 2)
  }
  return { total, of }
}

const EQUALS = 0x3d
const SEMICOLON = 0x3b
const SPACE = 0x20
const TAB = 0x09

function startsPair(header: string, index: number): boolean {
  for (let before = index - 1; before >= 0; before -= 1) {
    const code = header.charCodeAt(before)
    if (code === SEMICOLON) return true
    if (code !== SPACE && code !== TAB) return false
  }
  return true
}

// A cookie without `=` has no name. White space before the `=` is part of the name: no browser sends it.
function nameOf(pair: string): string {
  let start = 0
  while (isWhiteSpace(pair.charCodeAt(start))) start += 1
  return pair.slice(start, Math.max(start, pair.indexOf('=', start)))
}

function trimWhiteSpace(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isWhiteSpace(text.charCodeAt(start))) start += 1
  while (end > start && isWhiteSpace(text.charCodeAt(end - 1))) end -= 1
  return text.slice(start, end)
}

function isWhiteSpace(code: number): boolean {
  return code === SPACE || code === TAB
}
