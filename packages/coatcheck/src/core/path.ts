/** A request target taken apart. */
export interface TargetParts {
  /** The path as received. */
  readonly rawPath: string
  /** The path decoded once, for comparing with patterns. */
  readonly path: string
  /** The query with its question mark, or nothing. */
  readonly query: string
}

const SUSPECT = /%|\/\/|\/\.|[^\x21-\x7e]|[\\#]/

/**
 * Takes a request target apart, or gives `undefined` for one that two readers could understand
 * differently: dot segments, doubled or encoded slashes, backslashes, encoded control characters, anything
 * but origin form. Pattern, file server and upstream then always mean the same path.
 *
 * @see RFC 9112, section 3.2.1; RFC 3986, section 6.2.2
 * @example
 * readTarget('/a%20b?c=1') // { rawPath: '/a%20b', path: '/a b', query: '?c=1' }
 * readTarget('/a/%2e%2e/b') // undefined
 */
export function readTarget(target: string): TargetParts | undefined {
  if (target.charCodeAt(0) !== 0x2f) return undefined
  const mark = target.indexOf('?')
  const rawPath = mark === -1 ? target : target.slice(0, mark)
  const query = mark === -1 ? '' : target.slice(mark)
  if (/[^\x21-\x7e]|#/.test(query)) return undefined
  if (!SUSPECT.test(rawPath)) return { rawPath, path: rawPath, query }
  if (/\/\/|[^\x21-\x7e]|[\\#]|%(?:2f|5c|00)/i.test(rawPath)) return undefined
  const path = decode(rawPath)
  if (path === undefined || /\p{Cc}|\\|%[0-9a-f]{2}/iu.test(path)) return undefined
  if (path.split('/').some((segment) => /^\.{1,2}(?:;.*)?$/.test(segment))) return undefined
  return { rawPath, path, query }
}

/**
 * Whether a path fits a pattern: exact, or everything below with `/*` at the end.
 *
 * @example
 * matchesPath('/account/*', '/account/orders') // true
 */
export function matchesPath(pattern: string, path: string): boolean {
  if (!pattern.endsWith('/*')) return path === pattern
  const folder = pattern.slice(0, -1)
  return path.startsWith(folder) || path === folder.slice(0, -1)
}

/**
 * A check for pages behind patterns as {@link matchesPath} has them, but in every spelling under which a
 * file server or an app may know a page: letter case, slash at the end, `index`, `.html`, `;parameters`.
 * Too much is protected rather than too little.
 *
 * @example
 * createPageMatcher(['/account'])('/Account/index.html') // true
 */
export function createPageMatcher(patterns: readonly string[]): (path: string) => boolean {
  const pages = new Set(patterns.filter((pattern) => !pattern.endsWith('/*')).map(canonicalPage))
  const folders = patterns
    .filter((pattern) => pattern.endsWith('/*'))
    .map((pattern) => canonicalPage(pattern.slice(0, -2)))
  if (patterns.length === 0) return () => false
  return (path) => {
    const page = canonicalPage(path)
    return (
      pages.has(page) || folders.some((folder) => page === folder || page.startsWith(`${folder}/`))
    )
  }
}

function canonicalPage(path: string): string {
  return path
    .normalize()
    .toLowerCase()
    .replace(/;[^/]*/g, '')
    .replace(/\/{2,}/g, '/')
    .replace(/\/$/, '')
    .replace(/\.html?$/, '')
    .replace(/\/index$/, '')
}

function decode(path: string): string | undefined {
  try {
    return decodeURIComponent(path)
  } catch {
    return undefined
  }
}
