import { lowerCaseName } from '../core/request-head.ts'

const DROPPED: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'clear-site-data',
  'secure-session-registration',
  'secure-session-challenge',
])

/**
 * The headers of an app's own page: its own, less hop-by-hop ones and every cookie that bears our name in
 * any letter case.
 *
 * @see RFC 9110, section 7.6.1; RFC 6265bis, section 5.4
 * @example
 * appAnswerHeaders(['Set-Cookie', '__host-http-COATCHECK=evil'], '__Host-Http-coatcheck') // []
 */
export function appAnswerHeaders(received: readonly string[], ownCookiePrefix: string): string[] {
  const ours = ownCookiePrefix.toLowerCase()
  const headers: string[] = []
  for (let index = 0; index + 1 < received.length; index += 2) {
    const name = received[index] ?? ''
    const value = received[index + 1] ?? ''
    const lower = lowerCaseName(name)
    if (DROPPED.has(lower)) continue
    // A nameless cookie is sent back as its value alone: `=ours=evil` reads as ours.
    if (
      lower === 'set-cookie' &&
      value
        .replace(/^[\s=]+/, '')
        .toLowerCase()
        .startsWith(ours)
    )
      continue
    headers.push(name, value)
  }
  return headers
}
