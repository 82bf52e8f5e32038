// @ts-check
// The web skin: Request in, Response out, as frameworks do it.
import { counterWithSession } from './counter-set-up.mjs'
import { browserRequest, serve } from './serve.mjs'

let cookie = ''

serve(
  async (port) => {
    const origin = `http://localhost:${port}`
    const made = await counterWithSession(origin)
    cookie = made.cookie
    return async (request, response) => {
      const headers = new Headers()
      for (let index = 0; index < request.rawHeaders.length; index += 2) {
        headers.append(request.rawHeaders[index] ?? '', request.rawHeaders[index + 1] ?? '')
      }
      const answer = await made.counter.fetch(new Request(origin + request.url, { headers }))
      const body = await answer.text()
      response.writeHead(answer.status, {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
      })
      response.end(body)
    }
  },
  (port) => browserRequest(`localhost:${port}`, '/auth/session', cookie),
)
