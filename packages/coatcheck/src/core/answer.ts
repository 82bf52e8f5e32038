import { ERROR_CODES, type ErrorCode } from './error-codes.ts'

/** An HTTP answer of ours, ready to be written. */
export interface Answer {
  readonly status: number
  /** Name, value, name, value, ...: Set-Cookie may occur several times. */
  readonly headers: readonly string[]
  readonly body?: string
}

/** What is added to a problem. */
export interface ProblemOptions {
  /** What was wrong with this very request, without any secret. */
  readonly detail?: string
  /** After how many seconds another try makes sense. */
  readonly retryAfterSeconds?: number | undefined
  /** Further members of the problem: the guard's rule, for example. */
  readonly members?: Readonly<Record<string, string | number>>
  /** Further headers. */
  readonly headers?: readonly string[]
}

const DEFAULT_RETRY_AFTER_SECONDS = 5

/** The address at which {@link errorCatalogue} is served; each code is a fragment of it. */
export const ERRORS_PATH = '/auth/errors'

/** Headers of every answer of ours that depends on a session: no cache keeps it, nobody guesses its type. */
export const PRIVATE_HEADERS: readonly string[] = [
  'cache-control',
  'no-store',
  'x-content-type-options',
  'nosniff',
]

/**
 * An error as problem+json. `type` is the page about the code, `code` what a program decides by.
 *
 * @see RFC 9457, section 3
 * @example
 * problem('signed_out').status // 401
 */
export function problem(code: ErrorCode, options: ProblemOptions = {}): Answer {
  const { status, title, remedy } = ERROR_CODES[code]
  const retryAfterSeconds =
    options.retryAfterSeconds ?? (status === 503 ? DEFAULT_RETRY_AFTER_SECONDS : undefined)
  const headers = ['content-type', 'application/problem+json', ...PRIVATE_HEADERS]
  if (retryAfterSeconds !== undefined) {
    headers.push('retry-after', String(Math.max(1, Math.ceil(retryAfterSeconds))))
  }
  if (options.headers !== undefined) headers.push(...options.headers)
  const detail = options.detail ?? remedy
  const body = { type: `${ERRORS_PATH}#${code}`, title, status, detail, code, ...options.members }
  return { status, headers, body: `${JSON.stringify(body)}\n` }
}

/**
 * A JSON answer that no cache keeps.
 *
 * @example
 * json({ state: 'signed_out' }).status // 200
 */
export function json(value: unknown, status = 200): Answer {
  const headers = ['content-type', 'application/json', ...PRIVATE_HEADERS]
  return { status, headers, body: `${JSON.stringify(value)}\n` }
}

/** The answer to a method that an address does not have; `allowed` as `Allow` names them. */
export function methodRefused(allowed: string): Answer {
  return problem('method_refused', { headers: ['allow', allowed] })
}

/** Set-Cookie headers, as an answer has them. */
export function setCookieHeaders(setCookies: readonly string[]): readonly string[] {
  return setCookies.flatMap((cookie) => ['set-cookie', cookie])
}

/**
 * A redirect that always turns into a GET: a 307 would hand the body of a POST on.
 *
 * @see RFC 9700, section 4.12
 * @example
 * seeOther('https://app.example/').status // 303
 */
export function seeOther(location: string, headers: readonly string[] = []): Answer {
  return { status: 303, headers: ['location', location, ...PRIVATE_HEADERS, ...headers] }
}
