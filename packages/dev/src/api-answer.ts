import type { ServerResponse } from 'node:http'

/** Sends JSON that no cache keeps. */
export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
  response.end(`${JSON.stringify(value)}\n`)
}

/**
 * Sends a refusal about the token.
 *
 * @see RFC 6750, section 3.1
 */
export function refuseToken(
  response: ServerResponse,
  error: 'invalid_token' | 'insufficient_scope',
): void {
  response.setHeader('www-authenticate', `Bearer error="${error}"`)
  sendJson(response, error === 'invalid_token' ? 401 : 403, { error })
}
