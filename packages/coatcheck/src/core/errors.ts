import { keptCause, wordsOf } from '#error-words'
import type { ErrorCode } from './error-codes.ts'

/** What {@link CoatcheckError} is made of. */
export interface CoatcheckErrorOptions {
  /** What exactly was wrong, without any secret. Default: the title of the code. */
  readonly detail?: string
  /** The error behind this one; only its name and code are kept. */
  readonly cause?: unknown
  /** After how many seconds another try makes sense (Retry-After). */
  readonly retryAfterSeconds?: number
}

/**
 * The one error of this library. `code` is API; `message` is for people and holds no token, ticket,
 * cookie value or key.
 *
 * @example
 * try {
 *   throw new CoatcheckError('token_expired')
 * } catch (error) {
 *   if (error instanceof CoatcheckError && error.code === 'token_expired') console.log(error.status) // 401
 * }
 */
export class CoatcheckError extends Error {
  override readonly name = 'CoatcheckError'
  readonly code: ErrorCode
  /** Of the HTTP answer about it; 0 in a page, where nothing is answered. */
  readonly status: number
  readonly remedy: string
  readonly retryAfterSeconds: number | undefined

  constructor(code: ErrorCode, options: CoatcheckErrorOptions = {}) {
    const { title, remedy, status } = wordsOf(code)
    const said = options.detail ?? `${title}.`
    const cause = keptCause(options.cause)
    super(`${said} ${remedy}`, cause === undefined ? {} : { cause })
    this.code = code
    this.status = status
    this.remedy = remedy
    this.retryAfterSeconds = options.retryAfterSeconds
  }
}

/** The code of an error for a log; of one that is not ours, nothing else is told. */
export function codeOfError(error: unknown): ErrorCode {
  return error instanceof CoatcheckError ? error.code : 'internal_error'
}
