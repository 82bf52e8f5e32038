// @ts-check
// What lies behind the proxies: a JSON answer of 200 bytes.
import { createServer } from 'node:http'

const ANSWER = JSON.stringify({
  orders: Array.from({ length: 5 }, (_, id) => ({ id, item: 'coat', price: 100 })),
})
const HEAD = ['content-type', 'application/json', 'content-length', String(ANSWER.length)]

/** Listens in this process, and gives back its origin. */
export function startUpstream() {
  return new Promise((resolve) => {
    const server = createServer((_request, response) => {
      response.writeHead(200, HEAD)
      response.end(ANSWER)
    })
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      resolve(
        `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
      )
    })
  })
}
