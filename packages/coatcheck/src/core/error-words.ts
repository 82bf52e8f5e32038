import { ERROR_CODES, type ErrorCode, type ErrorEntry } from './error-codes.ts'

/** What is said of a code. */
export function wordsOf(code: ErrorCode): ErrorEntry {
  return ERROR_CODES[code]
}
