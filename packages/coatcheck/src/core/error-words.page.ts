import type { ErrorCode, ErrorEntry } from './error-codes.ts'
import type { ScrubbedCause } from './scrub-cause.ts'

/**
 * What is said of a code in a page. The catalogue would be a quarter of all that a page loads; the code is what
 * programs decide by, and leads people to it. Nothing is answered from a page, so there is no status.
 */
export function wordsOf(code: ErrorCode): ErrorEntry {
  return { status: 0, title: code, remedy: 'See docs/errors.md.' }
}

/** Nothing: the browser has written what happened into its own console. */
export function keptCause(_cause: unknown): ScrubbedCause | undefined {
  return undefined
}
