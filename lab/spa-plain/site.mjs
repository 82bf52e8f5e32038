// @ts-check
// What the quickstart needs around it, over https and all on this machine: its provider, its API, a host for static files.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { extname, join } from 'node:path'
import { openDataFolder, sampleCertificate, startDevProvider, startSampleApi } from '@coatcheck/dev'
import { freePort, temporaryFolder } from '../../test/support/dev-process.ts'

const HOST = 'app.example.localhost'
/** @type {Readonly<Record<string, string>>} */
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
}

/**
 * Starts provider, API and host. What the host has, `serve` says later: a page is built for their addresses. `headers` come
 * with each file.
 * @param {{ hooks?: import('@coatcheck/dev').TokenHooks, headers?: (addresses: Addresses) => Record<string, string> }} [options]
 */
export async function startPlainSite({ hooks, headers } = {}) {
  const folder = temporaryFolder()
  const certificate = await sampleCertificate(openDataFolder(join(folder.path, 'tls')))
  const port = await freePort()
  const origin = `https://${HOST}:${port}`
  const provider = await startDevProvider({
    clientOrigin: origin,
    publicClients: [{ clientId: 'spa', origin }],
    certificate,
    ...hooks,
  })
  const { issuer, apiAudience: audience } = provider
  const api = await startSampleApi({ issuer, audience, certificate, corsOrigins: [origin] })
  const addresses = { origin, issuer, audience, api: api.origin }
  const pem = readFileSync(certificate.file)
  /** @type {ReadonlyMap<string, Buffer>} */
  let files = new Map()
  /** @type {{ path: string, status: number }[]} */
  const requests = []
  const server = createServer({ key: pem, cert: pem }, (request, response) => {
    const { pathname } = new URL(request.url ?? '/', origin)
    const path = pathname === '/' ? '/index.html' : pathname
    const file = files.get(path)
    requests.push({ path, status: file === undefined ? 404 : 200 })
    response.writeHead(file === undefined ? 404 : 200, {
      'content-type': TYPES[extname(path)] ?? 'text/plain',
      'cache-control': 'no-store',
      ...headers?.(addresses),
    })
    response.end(file)
  })
  await new Promise((resolve) => server.listen({ port, host: '127.0.0.1' }, () => resolve(0)))
  return {
    ...addresses,
    folder: folder.path,
    requests,
    /** @param {ReadonlyMap<string, Buffer>} built */
    serve: (built) => {
      files = built
    },
    close: async () => {
      server.close()
      server.closeAllConnections()
      await api.close()
      await provider.close()
      folder.remove()
    },
  }
}

/** @typedef {{ origin: string, issuer: string, audience: string, api: string }} Addresses */
/** @typedef {Awaited<ReturnType<typeof startPlainSite>>} PlainSite */
