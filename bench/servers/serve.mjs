// @ts-check
import { createServer } from 'node:http'

/** What every contender answers. */
export const ANSWER = '{"ok":true}'

const HEADERS = [
  ['Sec-Fetch-Site', 'same-origin'],
  ['Sec-Fetch-Mode', 'cors'],
  ['Sec-Fetch-Dest', 'empty'],
  ['X-Coatcheck', '1'],
  ['Accept', '*/*'],
  ['Accept-Language', 'en-GB,en;q=0.9'],
  [
    'User-Agent',
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36',
  ],
]

/**
 * A request as a browser sends it.
 * @param {string} host
 * @param {string} path
 * @param {string} [cookie]
 */
export function browserRequest(host, path, cookie) {
  const lines = [
    `GET ${path} HTTP/1.1`,
    `Host: ${host}`,
    ...HEADERS.map(([name, value]) => `${name}: ${value}`),
  ]
  if (cookie !== undefined) lines.push(`Cookie: ${cookie}`)
  return `${lines.join('\r\n')}\r\n\r\n`
}

/**
 * Listens and tells where; answers questions about the CPU time used.
 * @param {(port: number) => import('node:http').RequestListener | Promise<import('node:http').RequestListener>} makeListener
 * @param {(port: number) => string | Promise<string>} makeRequest
 */
export function serve(makeListener, makeRequest) {
  /** @type {import('node:http').RequestListener} */
  let listener = (_request, response) => response.writeHead(503).end()
  const server = createServer((request, response) => listener(request, response))
  server.listen(0, '127.0.0.1', async () => {
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    listener = await makeListener(port)
    process.send?.({ port, request: await makeRequest(port) })
  })
  process.on('message', () => {
    const { user, system } = process.cpuUsage()
    process.send?.(user + system)
  })
  process.on('disconnect', () => process.exit(0))
}
