// @ts-check
// Session cookie in, Bearer token to the upstream.
import { createNodeHandler } from 'coatcheck/node'
import { Agent } from 'undici'
import { counterWithSession } from './counter-set-up.mjs'
import { browserRequest, serve } from './serve.mjs'

let cookie = ''

serve(
  async (port) => {
    const made = await counterWithSession(`http://localhost:${port}`, process.env.UPSTREAM ?? '')
    cookie = made.cookie
    return createNodeHandler(made.counter, {
      dispatcher: new Agent({ connections: 64, pipelining: 1 }),
    })
  },
  (port) => browserRequest(`localhost:${port}`, '/api/x', cookie),
)
