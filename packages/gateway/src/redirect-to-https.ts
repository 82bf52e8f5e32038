import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { ERROR_CODES } from 'coatcheck'

const { status, title, remedy } = ERROR_CODES.https_required
const REFUSAL = `${JSON.stringify({
  ...{ type: '/auth/errors#https_required', title, status },
  ...{ detail: remedy, code: 'https_required' },
})}\n`

/**
 * A server for plain http that leads pages to https and refuses everything else. It reads no cookie and sets none: whatever
 * comes this way was seen by everybody on it.
 *
 * @see RFC 9110, section 15.4.9; OWASP ASVS 5.0, V12.2
 */
export function createRedirectServer(origin: string): Server {
  const server = createServer((request, response) => answer(origin, request, response))
  // Whoever asks for another protocol has the socket to themselves: nobody else listens to its errors.
  return server.on('upgrade', (_, socket) => socket.on('error', () => {}).destroy())
}

function answer(
  origin: string,
  { method, url = '' }: IncomingMessage,
  response: ServerResponse,
): void {
  response.setHeader('cache-control', 'no-store')
  const reads = method === 'GET' || method === 'HEAD'
  // Ours is the only host that anybody is led to, whatever the request calls itself.
  if (reads && url.startsWith('/')) {
    response.writeHead(308, { location: `${origin}${url}` }).end()
    return
  }
  response.writeHead(status, { 'content-type': 'application/problem+json', connection: 'close' })
  response.end(REFUSAL)
}
