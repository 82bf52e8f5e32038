import type { ServerResponse } from 'node:http'

/** How a token is presented. */
export type TokenScheme = 'Bearer' | 'DPoP'

/** Sends JSON that no cache keeps. */
export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
  response.end(`${JSON.stringify(value)}\n`)
}

/**
 * Sends a refusal about the token, in the scheme that would have been right.
 *
 * @see RFC 6750, section 3.1; RFC 9449, section 7.1
 */
export function refuseToken(
  response: ServerResponse,
  error: 'invalid_token' | 'insufficient_scope',
  scheme: TokenScheme,
): void {
  response.setHeader('www-authenticate', `${scheme} error="${error}"`)
  sendJson(response, error === 'invalid_token' ? 401 : 403, { error })
}

/** Sends the client to the web address in `?to=`, with status 307 if `?status=` says so, else with 302. */
export function sendRedirect(response: ServerResponse, query: URLSearchParams): void {
  const to = URL.parse(query.get('to') ?? '')
  if (to?.protocol === 'http:' || to?.protocol === 'https:') {
    const status = query.get('status') === '307' ? 307 : 302
    response.writeHead(status, { location: to.href, 'cache-control': 'no-store' })
    response.end()
  } else {
    sendJson(response, 400, { error: 'to must be a web address' })
  }
}
