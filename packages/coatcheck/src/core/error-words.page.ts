import type { ErrorCode, ErrorEntry } from './error-codes.ts'

/**
 * What is said of a code in a page. The catalogue would be a quarter of all that a page loads; the code is what
 * programs decide by, and leads people to it.
 */
export function wordsOf(code: ErrorCode): ErrorEntry {
  const title = code.replaceAll('_', ' ')
  return { status: statusOf(code), title, remedy: `See docs/errors.md, ${code}.` }
}

function statusOf(code: ErrorCode): number {
  if (code.startsWith('key_set_')) return 503
  return code.startsWith('token_') && code !== 'token_unverified' ? 401 : 500
}
