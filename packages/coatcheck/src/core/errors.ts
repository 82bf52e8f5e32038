import { wordsOf } from '#error-words'
import type { ErrorCode } from './error-codes.ts'

/** What is kept of an error that came from elsewhere: never its message, which can quote a token. */
export interface ScrubbedCause {
  readonly name: string
  readonly code?: string
}

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
  readonly status: number
  readonly remedy: string
  readonly retryAfterSeconds: number | undefined

  constructor(code: ErrorCode, options: CoatcheckErrorOptions = {}) {
    const { title, remedy, status } = wordsOf(code)
    const said = options.detail ?? `${title}.`
    super(
      `${said} ${remedy}`,
      options.cause === undefined ? {} : { cause: scrubCause(options.cause) },
    )
    this.code = code
    this.status = status
    this.remedy = remedy
    this.retryAfterSeconds = options.retryAfterSeconds
  }
}

/**
 * The name and code of an error from elsewhere: other libraries put whole token answers into messages
 * and causes.
 *
 * @example
 * scrubCause(Object.assign(new TypeError('secret'), { code: 'ECONNREFUSED' })) // { name: 'TypeError', code: 'ECONNREFUSED' }
 */
export function scrubCause(cause: unknown): ScrubbedCause {
  if (!(cause instanceof Error)) return { name: typeof cause }
  const code = Object.getOwnPropertyDescriptor(cause, 'code')?.value
  return isPlainCode(code) ? { name: plainName(cause), code } : { name: plainName(cause) }
}

function plainName(error: Error): string {
  return /^[A-Za-z][A-Za-z0-9]{0,60}$/.test(error.name) ? error.name : 'Error'
}

function isPlainCode(code: unknown): code is string {
  return typeof code === 'string' && /^[A-Za-z][A-Za-z0-9_]{0,60}$/.test(code)
}

/** The code of an error for a log; of one that is not ours, nothing else is told. */
export function codeOfError(error: unknown): ErrorCode {
  return error instanceof CoatcheckError ? error.code : 'internal_error'
}
