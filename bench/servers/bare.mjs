// @ts-check
import { ANSWER, browserRequest, serve } from './serve.mjs'

const HEAD = ['content-type', 'application/json', 'content-length', String(ANSWER.length)]

serve(
  () => (_request, response) => {
    response.writeHead(200, HEAD)
    response.end(ANSWER)
  },
  (port) => browserRequest(`localhost:${port}`, '/api/x', `c=${'x'.repeat(64)}`),
)
