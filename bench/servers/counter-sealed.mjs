// @ts-check
// Whose request is it? The same behind a counter whose sessions lie in cookies: opened once and remembered, or, with
// `COATCHECK_COLD`, opened at each request, as for a browser that this process has not seen before.
import { headOf } from 'coatcheck/node'
import { counterWithSealedSession } from './counter-set-up.mjs'
import { ANSWER, browserRequest, serve } from './serve.mjs'

const HEAD = ['content-type', 'application/json', 'content-length', String(ANSWER.length)]
const openedCacheEntries = process.env.COATCHECK_COLD === undefined ? 10_000 : 0
let cookie = ''

serve(
  async (port) => {
    const made = await counterWithSealedSession(`http://localhost:${port}`, openedCacheEntries)
    cookie = made.cookie
    return async (request, response) => {
      const session = await made.counter.session(headOf(request))
      if (session === undefined) {
        response.writeHead(401).end()
        return
      }
      response.writeHead(200, HEAD)
      response.end(ANSWER)
    }
  },
  (port) => browserRequest(`localhost:${port}`, '/x', cookie),
)
