// @ts-check
// A server of the attacker's, under every name of this machine: it lets every page ask, and notes all that it is sent.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer as createPlainServer } from 'node:http'
import { createServer } from 'node:https'
import { openDataFolder, sampleCertificate } from '@coatcheck/dev'
import { temporaryFolder } from '../../test/support/dev-process.ts'

/** Over https, and over http beside it. */
export async function startEvilServer() {
  const folder = temporaryFolder()
  const { file } = await sampleCertificate(openDataFolder(folder.path))
  const pem = readFileSync(file)
  folder.remove()
  /** @type {string[]} */
  const received = []
  /** @type {import('node:http').RequestListener} */
  const listener = async (request, response) => {
    const { method, url, headers } = request
    const chunks = []
    for await (const chunk of request) chunks.push(chunk)
    received.push([method, url, JSON.stringify(headers), Buffer.concat(chunks)].join(' '))
    response.setHeader('access-control-allow-origin', headers.origin ?? '*')
    response.setHeader('access-control-allow-headers', 'authorization, content-type, dpop')
    response.setHeader('access-control-allow-methods', 'GET, POST, PUT, DELETE')
    response.setHeader('content-type', 'text/html')
    response.end(PAGE)
  }
  const secure = createServer({ key: pem, cert: pem }, listener).listen(0, '127.0.0.1')
  const plain = createPlainServer(listener).listen(0, '127.0.0.1')
  await Promise.all([once(secure, 'listening'), once(plain, 'listening')])
  return {
    origin: `https://evil.localhost:${portOf(secure)}`,
    plainOrigin: `http://evil.localhost:${portOf(plain)}`,
    /** All that came since it was last asked. */
    take: () => received.splice(0),
    close: () => {
      for (const server of [secure, plain]) {
        server.closeAllConnections()
        server.close()
      }
    },
  }
}

/** @typedef {Awaited<ReturnType<typeof startEvilServer>>} EvilServer */

// Opens whatever page it is told to in a window that it can talk to.
const PAGE = '<!doctype html><title>evil</title><a id="open" target="victim" rel="opener">open</a>'

/** @param {import('node:net').Server} server */
function portOf(server) {
  const address = server.address()
  return typeof address === 'object' ? address?.port : undefined
}
