import type { IncomingMessage, ServerResponse } from 'node:http'

/** Puts the CORS headers on an answer; `true` if that was all, because a preflight came. */
export type Cors = (request: IncomingMessage, response: ServerResponse) => boolean

const METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE'
const REQUEST_HEADERS = 'authorization, content-type, dpop'
const RESPONSE_HEADERS = 'DPoP-Nonce, WWW-Authenticate, Content-Disposition'
const MAX_AGE_SECONDS = '600'

/**
 * Lets the pages of exactly these origins read answers, without credentials of the browser's own: what
 * they may do is the token's to say.
 *
 * @see Fetch, section 3.3 (CORS protocol)
 */
export function createCors(origins: readonly string[]): Cors {
  const listed = new Set(origins)
  return (request, response) => {
    if (listed.size === 0) return false
    const { origin } = request.headers
    // On every answer, also to nobody of the list: what a cache keeps for one origin is wrong for another.
    response.setHeader('vary', 'Origin')
    if (origin === undefined || !listed.has(origin)) return false
    response.setHeader('access-control-allow-origin', origin)
    if (!isPreflight(request)) {
      response.setHeader('access-control-expose-headers', RESPONSE_HEADERS)
      return false
    }
    response.writeHead(204, {
      'access-control-allow-methods': METHODS,
      'access-control-allow-headers': REQUEST_HEADERS,
      'access-control-max-age': MAX_AGE_SECONDS,
    })
    response.end()
    return true
  }
}

function isPreflight({ headers, method }: IncomingMessage): boolean {
  return method === 'OPTIONS' && headers['access-control-request-method'] !== undefined
}
