// @ts-check
// The least that a proxy over undici does: raw headers in, raw headers out, backpressure; no sessions.
import { Agent } from 'undici'
import { browserRequest, serve } from './serve.mjs'

const upstream = process.env.UPSTREAM ?? ''
const BEARER = `Bearer ${'x'.repeat(900)}`
const agent = new Agent({ connections: 64, pipelining: 1 })

serve(
  () => (request, response) => {
    agent.dispatch(
      {
        origin: upstream,
        path: request.url ?? '/',
        method: 'GET',
        headers: [...request.rawHeaders, 'authorization', BEARER],
        body: null,
      },
      /** @type {any} */ ({
        onConnect() {},
        onHeaders(/** @type {number} */ status, /** @type {Buffer[]} */ raw) {
          if (status >= 200)
            response.writeHead(
              status,
              raw.map((part) => part.latin1Slice()),
            )
          return true
        },
        onData: (/** @type {Buffer} */ chunk) => response.write(chunk),
        onComplete: () => response.end(),
        onError: () => response.destroy(),
      }),
    )
  },
  (port) => browserRequest(`localhost:${port}`, '/api/x', `c=${'x'.repeat(64)}`),
)
