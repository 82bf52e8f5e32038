const URI_CHARACTERS = /^[\x21-\x7e]+$/
const HTTP_TARGET = /^https?:\/\/[^/@\\]+(?:\/[^\\]*)?$/i
const UNRESERVED = /[\w.~-]/

/**
 * An http(s) URL in its one normal spelling, without query and fragment, or `undefined` for anything else: no
 * URI characters, user names, backslashes, and all that a browser would repair.
 *
 * @see RFC 3986, sections 6.2.2 and 6.2.3; RFC 9449, section 4.3
 */
export function normalTarget(url: string): string | undefined {
  const target = url.split(/[?#]/, 1)[0] ?? ''
  if (!URI_CHARACTERS.test(target) || !HTTP_TARGET.test(target) || !URL.canParse(target)) {
    return undefined
  }
  // Letter case of scheme and host, dot segments, default ports and empty paths are the parser's work.
  const { origin, pathname } = new URL(target)
  return origin + pathname.replace(/%[\da-f]{2}/gi, normalEscape)
}

// Escaped or not, unreserved characters mean the same; of all others the escaped form is another.
function normalEscape(triplet: string): string {
  const character = String.fromCharCode(Number.parseInt(triplet.slice(1), 16))
  return UNRESERVED.test(character) ? character : triplet.toUpperCase()
}
