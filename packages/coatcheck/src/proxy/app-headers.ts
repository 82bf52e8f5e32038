import { isOwnCookie } from '../cookies/names.ts'
import { lowerCaseName } from '../core/request-head.ts'
import { HOP_BY_HOP } from './hop-by-hop.ts'
import { privateCacheControl } from './response-headers.ts'

const DROPPED: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  'clear-site-data',
  'secure-session-registration',
  'secure-session-challenge',
])

/** What is to be known of an app's page. */
export interface AppAnswer {
  /** What our cookies are called behind their prefix. */
  readonly ownCookies: string
  /** A protected page: no shared cache keeps it. */
  readonly isProtected: boolean
}

/**
 * The headers of an app's own page: its own, less hop-by-hop ones and every cookie that bears our name in
 * any letter case.
 *
 * @see RFC 9110, section 7.6.1; RFC 6265bis, section 5.4
 * @example
 * appAnswerHeaders(['Set-Cookie', '__host-http-COATCHECK=evil'], { ownCookies: 'coatcheck', isProtected: false }) // []
 */
export function appAnswerHeaders(received: readonly string[], answer: AppAnswer): string[] {
  let cacheControl: string | undefined
  const headers: string[] = []
  for (let index = 0; index + 1 < received.length; index += 2) {
    const name = received[index] ?? ''
    const value = received[index + 1] ?? ''
    const lower = lowerCaseName(name)
    if (DROPPED.has(lower)) continue
    if (lower === 'set-cookie' && isOwnCookie(value, answer.ownCookies)) continue
    if (answer.isProtected && lower === 'cache-control')
      cacheControl = cacheControl === undefined ? value : `${cacheControl}, ${value}`
    else headers.push(name, value)
  }
  if (answer.isProtected) headers.push('cache-control', privateCacheControl(cacheControl))
  return headers
}
