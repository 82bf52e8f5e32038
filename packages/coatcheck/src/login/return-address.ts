const MAX_RETURN_CHARACTERS = 4000
/** Where another site asks for whoever is signed in: the one address of ours that a sign-in may come back to. */
export const AUTHORIZE_PATH = '/auth/hand-off/authorize'

/**
 * The path, query and fragment to go to after sign-in, or `undefined` for anything that is not a plain
 * path of this site: other hosts in every spelling, control characters, backslashes, our own routes.
 *
 * @see RFC 9700, section 4.11.1
 * @example
 * readReturnAddress('https://app.example', '/orders?page=2#top') // '/orders?page=2#top'
 * readReturnAddress('https://app.example', '//evil.test') // undefined
 */
export function readReturnAddress(origin: string, value: string | undefined): string | undefined {
  if (value === undefined || value === '') return '/'
  if (value.length > MAX_RETURN_CHARACTERS || !isPlainPath(value)) return undefined
  const url = parse(origin, value)
  if (url === undefined || url.origin !== origin || url.username !== '') return undefined
  const address = url.pathname + url.search + url.hash
  // Dot segments are gone only now: `/.//evil.test` has become `//evil.test`.
  const path = decoded(url.pathname)
  if (!isPlainPath(address) || path === undefined) return undefined
  if (path.startsWith('/auth/') && url.pathname !== AUTHORIZE_PATH) return undefined
  return address
}

function isPlainPath(value: string): boolean {
  if (!value.startsWith('/') || value.startsWith('//')) return false
  return /^[^\\\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*$/u.test(value)
}

function decoded(path: string): string | undefined {
  try {
    return decodeURIComponent(path)
  } catch {
    return undefined
  }
}

function parse(origin: string, value: string): URL | undefined {
  try {
    return new URL(value, origin)
  } catch {
    return undefined
  }
}
