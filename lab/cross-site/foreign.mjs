// @ts-check
// Every other site of the lab: another site, a sibling host, an origin that is allowed.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { openDataFolder, sampleCertificate } from '@coatcheck/dev'
import { freePort, temporaryFolder } from '../../test/support/dev-process.ts'

/** One server under every other name: pages, redirects, and cookies for the whole domain. */
export async function startForeignSites() {
  const folder = temporaryFolder()
  const { file } = await sampleCertificate(openDataFolder(folder.path))
  const pem = readFileSync(file)
  folder.remove()
  const port = await freePort()
  const credentials = { key: pem, cert: pem }
  const server = createServer(credentials, (request, response) => {
    const url = new URL(request.url ?? '/', 'https://any.localhost')
    const status = Number(url.pathname.slice(1))
    const silent = url.searchParams.has('silent') ? { 'referrer-policy': 'no-referrer' } : {}
    request.resume()
    if (status > 0) {
      response.writeHead(status, { location: url.searchParams.get('to') ?? '/', ...silent }).end()
      return
    }
    const age = PLANTS[url.pathname]
    const planted = age === undefined ? [] : plantsOf(url.searchParams.get('name') ?? '', age)
    response.writeHead(200, { 'content-type': 'text/html', 'set-cookie': planted, ...silent })
    response.end('<!doctype html><title>foreign</title><body>')
  }).listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    credentials,
    at: (/** @type {string} */ host) => `https://${host}:${port}`,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

/** What a server says to plant, and to take away again. @type {Readonly<Record<string, string>>} */
const PLANTS = { '/plant': '', '/unplant': '; Max-Age=0' }
const PREFIXES = ['__Host-Http-', '__Http-', '__Secure-', '__Host-', '']

/** Cookies of our name behind every prefix, for the whole domain. @param {string} name @param {string} age */
function plantsOf(name, age) {
  const own = name.replace(/^__Host-Http-/, '')
  const attributes = `Domain=example.localhost; Path=/; Secure; HttpOnly${age}`
  return PREFIXES.map((prefix) => `${prefix}${own}=planted; ${attributes}`)
}
