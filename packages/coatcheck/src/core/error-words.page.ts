import type { ErrorCode, ErrorEntry } from './error-codes.ts'

/**
 * What is said of a code in a page. The catalogue would be a quarter of all that a page loads; the code is what
 * programs decide by, and leads people to it. Nothing is answered from a page, so there is no status.
 */
export function wordsOf(code: ErrorCode): ErrorEntry {
  const title = code.replaceAll('_', ' ')
  return { status: 0, title, remedy: `See docs/errors.md, ${code}.` }
}
