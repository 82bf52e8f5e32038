// @ts-check
// The control: a site that believes whoever sends its cookie. An attack that does nothing to it proves nothing.
import { once } from 'node:events'
import { createServer } from 'node:https'

/**
 * @param {{ key: Buffer, cert: Buffer }} credentials
 * @param {string} hostname
 */
export async function startNaiveSite(credentials, hostname) {
  let done = 0
  const server = createServer(credentials, (request, response) => {
    const isSignedIn = request.headers.cookie?.includes('naive=1') === true
    request.resume()
    const origin = request.headers.origin ?? '*'
    response.setHeader('access-control-allow-origin', origin)
    response.setHeader('access-control-allow-credentials', 'true')
    response.setHeader('access-control-allow-headers', 'x-coatcheck, x-http-method-override')
    response.setHeader('access-control-allow-methods', 'GET, POST, DELETE')
    if (request.url === '/') {
      response.setHeader('set-cookie', 'naive=1; Secure; SameSite=None; Path=/')
      response.setHeader('content-type', 'text/html')
      response.end('<!doctype html><title>naive</title><body>')
    } else if (request.method === 'OPTIONS') response.end()
    else {
      if (isSignedIn) done += 1
      response.setHeader(
        'content-type',
        request.url?.includes('events') === true ? 'text/event-stream' : 'text/html',
      )
      response.write('data: secret\n\n')
      response.end("<script>if (parent !== self) parent.postMessage('framed', '*')</script>")
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : 0
  return {
    origin: `https://${hostname}:${port}`,
    /** How many requests it did as the person whose cookie came along. */
    taken: () => {
      const before = done
      done = 0
      return before
    },
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}
