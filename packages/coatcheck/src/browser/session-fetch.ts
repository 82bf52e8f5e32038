/** An answer of the counter's that is an error: decide by `code`. */
export class SessionClientError extends Error {
  override readonly name = 'SessionClientError'
  /** As in docs/errors.md: `signed_out`, `access_token_expired`, `renewal_unavailable`, ... */
  readonly code: string
  /** Of the answer; 0 where none was asked for. */
  readonly status: number
  /** After how many seconds another try makes sense. */
  readonly retryAfterSeconds: number | undefined

  constructor(code: string, status: number, retryAfterSeconds?: number) {
    super(code)
    this.code = code
    this.status = status
    this.retryAfterSeconds = retryAfterSeconds
  }
}

/** `fetch` for addresses of this origin, with the header that no other site can send. */
export async function guardedFetch(
  input: string | URL | Request,
  init?: RequestInit,
): Promise<Response> {
  // A page's <base> must not lead elsewhere.
  const target = typeof input === 'string' ? new URL(input, location.href) : input
  const request = new Request(target, { ...init, credentials: 'same-origin' })
  // A header of ours must never travel to another origin. What is judged is what is fetched.
  if (!request.url.startsWith(`${location.origin}/`)) {
    throw new SessionClientError('cross_site_refused', 0)
  }
  request.headers.set('x-coatcheck', '1')
  const answer = await fetch(request)
  if (!answer.headers.get('content-type')?.startsWith('application/problem+json')) return answer
  // An API may speak of problems too: only ours lead to our page about them. HEAD has no body to tell by.
  const { type, code } = await answer
    .clone()
    .json()
    .catch(() => ({}))
  if (type !== `/auth/errors#${code}`) return answer
  throw new SessionClientError(
    code,
    answer.status,
    Number(answer.headers.get('retry-after')) || undefined,
  )
}
