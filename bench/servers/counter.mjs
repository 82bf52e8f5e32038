// @ts-check
// Whose request is it? A handler of one's own behind a counter, on the node skin or the web one.
import { headOf } from 'coatcheck/node'
import { counterWithSession } from './counter-set-up.mjs'
import { ANSWER, browserRequest, serve } from './serve.mjs'

const HEAD = ['content-type', 'application/json', 'content-length', String(ANSWER.length)]
let cookie = ''

serve(
  async (port) => {
    const made = await counterWithSession(`http://localhost:${port}`)
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
