import { ERROR_CODES, type ErrorCode, type ErrorEntry } from './error-codes.ts'
import { type ScrubbedCause, scrubCause } from './scrub-cause.ts'

/** What is said of a code. */
export function wordsOf(code: ErrorCode): ErrorEntry {
  return ERROR_CODES[code]
}

/** What is kept of the error behind one of ours. */
export function keptCause(cause: unknown): ScrubbedCause | undefined {
  return cause === undefined ? undefined : scrubCause(cause)
}
