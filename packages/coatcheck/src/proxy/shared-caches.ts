import { lowerCaseName } from '../core/request-head.ts'

/**
 * Whether a header tells caches what to keep: a browser's, a proxy's or a CDN's. Beside a cookie that sets a session
 * none of them may stay: whoever is served the kept answer would be that person.
 *
 * @see RFC 9111, section 5.2; RFC 9213, section 3
 * @example
 * tellsCaches('CDN-Cache-Control') // true
 */
export function tellsCaches(name: string): boolean {
  const lower = lowerCaseName(name)
  return lower.endsWith('cache-control') || lower === 'surrogate-control' || lower === 'expires'
}
