import type { Answer } from '../core/answer.ts'
import { escapeHtml, htmlPage, type InlineScript } from '../core/html-page.ts'
import type { DecidingHeaders } from '../core/request-head.ts'

const MARKER = 'coatcheck-hop=1'

/** The script of the hop page; a test holds the hash against it. */
export const HOP_SCRIPT: InlineScript = {
  // The origin stands in front: a path of `//host` alone would lead elsewhere.
  source: `location.replace(location.origin+location.pathname+(location.search?location.search+'&':'?')+'${MARKER}'+location.hash)`,
  sha256: 'VNIafdC9YtqddQCz8kbCdRmnzqVC9hRDdKZKl9P/YJQ=',
}

/**
 * Whether a request is a top-level page load whose Strict cookies a browser may have kept back because
 * another site started it. `none` is included: a page without referrer arrives so over its own redirect.
 *
 * @see RFC 6265bis, section 5.2
 * @example
 * mayLackStrictCookies('GET', readDecidingHeaders(['sec-fetch-site', 'cross-site', 'sec-fetch-mode', 'navigate'])) // true
 */
export function mayLackStrictCookies(method: string, headers: DecidingHeaders): boolean {
  if (method !== 'GET' || !isDocumentNavigation(headers)) return false
  return headers.fetchSite !== 'same-origin' && headers.fetchSite !== 'same-site'
}

/**
 * Whether a request loads a page into a tab. Browsers without fetch metadata are known by what they accept.
 *
 * @see W3C Fetch Metadata, sections 2.1 and 2.2
 * @example
 * isDocumentNavigation(readDecidingHeaders(['accept', 'text/html'])) // true
 */
export function isDocumentNavigation(headers: DecidingHeaders): boolean {
  if (headers.fetchMode !== undefined || headers.fetchDest !== undefined) {
    return headers.fetchMode === 'navigate' && headers.fetchDest === 'document'
  }
  return headers.accept?.includes('text/html') ?? false
}

/**
 * The page that asks for the same address once more, from our own origin, so that the Strict cookies come
 * along. It keeps query and fragment, forbids framing, and leaves no entry in the history.
 *
 * @example
 * hopPage('https://app.example', '/account?tab=1').status // 200
 */
export function hopPage(origin: string, target: string): Answer {
  const next = `${origin}${target}${target.includes('?') ? '&' : '?'}${MARKER}`
  return htmlPage({
    title: 'One moment',
    head: `<noscript><meta http-equiv="refresh" content="0;url=${escapeHtml(next)}"></noscript>\n`,
    body: `<p>Opening the page. <a href="${escapeHtml(next)}">Continue</a></p>`,
    script: HOP_SCRIPT,
    referrerPolicy: 'no-referrer',
  })
}

/** A target told apart from the hop's marker. */
export interface HopReading {
  /** The request is the second one of a hop; it counts as cross-site for everything but the cookie. */
  readonly hopped: boolean
  /** The target without the marker. */
  readonly target: string
}

/**
 * Takes the hop's marker off a target.
 *
 * @example
 * readHop('/account?tab=1&coatcheck-hop=1') // { hopped: true, target: '/account?tab=1' }
 */
export function readHop(target: string): HopReading {
  if (!target.endsWith(MARKER)) return { hopped: false, target }
  const before = target.length - MARKER.length - 1
  const separator = target[before]
  if (separator !== '?' && separator !== '&') return { hopped: false, target }
  // Reloading and coming back can bring a second marker.
  return { hopped: true, target: readHop(target.slice(0, before)).target }
}
