import { CoatcheckError } from '../core/errors.ts'

/** How a cookie is set. Nothing is left to a browser's default. */
export interface CookieAttributes {
  readonly secure: boolean
  readonly httpOnly: boolean
  readonly sameSite: 'Strict' | 'Lax' | 'None'
  readonly path: string
  /** Host-only when absent. */
  readonly domain?: string
  /** Gone with the browser when absent; zero deletes. */
  readonly maxAgeSeconds?: number
  /** A jar of its own under each top-level site (CHIPS). */
  readonly partitioned?: boolean
}

const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const VALUE = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*$/
const ATTRIBUTE_VALUE = /^[\x20-\x3a\x3c-\x7e]*$/

/** Browsers drop a cookie of which name and value have more bytes together. */
export const MAX_PAIR_BYTES = 4096

/**
 * A Set-Cookie value. A prefix in the name forces the attributes that it promises.
 *
 * Throws `wrong_use` for a name, value or attribute that a browser would refuse or cut short: a cookie
 * that silently vanishes is a sign-out without a reason.
 *
 * @see RFC 6265bis, sections 4.1.1, 4.1.3 and 5.6
 * @example
 * serializeCookie('__Host-Http-id', 'abc', { secure: true, httpOnly: true, sameSite: 'Strict', path: '/' })
 * // '__Host-Http-id=abc; Path=/; Secure; HttpOnly; SameSite=Strict'
 */
export function serializeCookie(name: string, value: string, attributes: CookieAttributes): string {
  if (!NAME.test(name)) throw refused('a cookie name may hold token characters only')
  if (!VALUE.test(value)) throw refused('a cookie value may hold cookie octets only')
  if (name.length + value.length > MAX_PAIR_BYTES) {
    throw refused(
      `name and value have ${name.length + value.length} bytes; browsers drop more than ${MAX_PAIR_BYTES}`,
    )
  }
  checkPrefix(name, attributes)
  if (attributes.sameSite === 'None' && !attributes.secure)
    throw refused('SameSite=None needs Secure')
  if (attributes.partitioned === true && !attributes.secure)
    throw refused('Partitioned needs Secure')
  let cookie = `${name}=${value}; Path=${attributeValue(attributes.path)}`
  if (attributes.domain !== undefined) cookie += `; Domain=${attributeValue(attributes.domain)}`
  if (attributes.maxAgeSeconds !== undefined) {
    cookie += `; Max-Age=${Math.max(0, Math.floor(attributes.maxAgeSeconds))}`
  }
  if (attributes.secure) cookie += '; Secure'
  if (attributes.httpOnly) cookie += '; HttpOnly'
  cookie += `; SameSite=${attributes.sameSite}`
  return attributes.partitioned === true ? `${cookie}; Partitioned` : cookie
}

/**
 * The Set-Cookie value that deletes what {@link serializeCookie} set with the same attributes.
 *
 * @example
 * deleteCookie('__Host-Http-id', { secure: true, httpOnly: true, sameSite: 'Strict', path: '/' })
 * // '__Host-Http-id=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict'
 */
export function deleteCookie(name: string, attributes: CookieAttributes): string {
  return serializeCookie(name, '', { ...attributes, maxAgeSeconds: 0 })
}

function checkPrefix(name: string, attributes: CookieAttributes): void {
  const lower = name.toLowerCase()
  const hostOnly = lower.startsWith('__host-')
  const http = lower.startsWith('__host-http-') || lower.startsWith('__http-')
  if (!hostOnly && !http && !lower.startsWith('__secure-')) return
  if (!attributes.secure) throw refused('this prefix needs Secure')
  if (http && !attributes.httpOnly) throw refused('this prefix needs HttpOnly')
  if (hostOnly && (attributes.domain !== undefined || attributes.path !== '/')) {
    throw refused('__Host- needs Path=/ and no Domain')
  }
}

function attributeValue(value: string): string {
  if (!ATTRIBUTE_VALUE.test(value))
    throw refused('an attribute value may not hold ; or control characters')
  return value
}

function refused(detail: string): CoatcheckError {
  return new CoatcheckError('wrong_use', { detail: `serializeCookie: ${detail}.` })
}
