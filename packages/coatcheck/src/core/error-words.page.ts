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
  if (
    /^key_set_|_unavailable$|^provider_metadata/.test(code) &&
    !/^(?:sign_in|worker|database)_/.test(code)
  )
    return 503
  if (/^(?:provider|api_redirect)_/.test(code)) return 502
  if (/^(?:signed_out|access_token_expired)$/.test(code)) return 401
  return code.startsWith('token_') && !/^token_(?:unverified|store)/.test(code) ? 401 : 500
}
