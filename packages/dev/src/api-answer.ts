import type { ServerResponse } from 'node:http'

/** How a token is presented. */
export type TokenScheme = 'Bearer' | 'DPoP'

/** Sends JSON that no cache keeps. */
export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
  response.end(`${JSON.stringify(value)}\n`)
}

/** Why a token is refused, in the scheme that would have been right. */
export interface Refusal {
  readonly scheme: TokenScheme
  readonly error: 'invalid_token' | 'insufficient_scope' | 'invalid_dpop_proof' | 'use_dpop_nonce'
  /** What the next proof must bring. */
  readonly nonce?: string
}

/**
 * Sends a refusal about the token.
 *
 * @see RFC 6750, section 3.1; RFC 9449, sections 7.1 and 9
 */
export function refuseToken(response: ServerResponse, { scheme, error, nonce }: Refusal): void {
  response.setHeader('www-authenticate', `${scheme} error="${error}"`)
  if (nonce !== undefined) response.setHeader('dpop-nonce', nonce)
  sendJson(response, error === 'insufficient_scope' ? 403 : 401, { error })
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
