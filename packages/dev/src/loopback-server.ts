import { randomInt } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { SampleCertificate } from './certificate.ts'
import type { DataFolder } from './data-folder.ts'
import { StartError } from './start-error.ts'

/** A server on 127.0.0.1. */
export interface LoopbackServer {
  /** `http://127.0.0.1:PORT`, or `https://127.0.0.1:PORT` */
  readonly origin: string
  readonly server: Server
  close(): Promise<void>
}

/** A PEM file with private key and certificate, as `sampleCertificate` makes it. */
export type ServerCertificate = Pick<SampleCertificate, 'file'>

/** What {@link startLoopbackServer} takes. */
export interface LoopbackServerOptions {
  /** Keeps the port from start to start. Without it any free port is taken. */
  readonly folder?: DataFolder | undefined
  /** Names the port in the folder, and the server in messages. */
  readonly name: string
  /** Serves https with it. Default: http. */
  readonly certificate?: ServerCertificate | undefined
}

/** The one address that everything in here binds: another site than localhost, and never the network. */
export const LOOPBACK = '127.0.0.1'

// Below the ports that systems give to outgoing connections, so that a kept port is still free next time.
const FIRST_PORT = 20_000
const PORT_COUNT = 10_000
const TRIES = 50

/**
 * Starts a server on a free port of 127.0.0.1, the same at each start with the same folder. A request
 * with another Host is answered 421: a name that was rebound to this address reaches nothing.
 *
 * Throws {@link StartError} if the kept port is taken by somebody else.
 */
export async function startLoopbackServer(
  options: LoopbackServerOptions,
  makeListener: (origin: string) => RequestListener,
): Promise<LoopbackServer> {
  const { certificate } = options
  const server = certificate === undefined ? createServer() : createHttpsServer(certificate)
  const port = await bind(server, options)
  const origin = `${certificate === undefined ? 'http' : 'https'}://${LOOPBACK}:${port}`
  const host = `${LOOPBACK}:${port}`
  const listener = makeListener(origin)
  server.on('request', (request, response) => {
    if (isServedHost(request.rawHeaders, host)) listener(request, response)
    else refuseHost(response, origin)
  })
  return { origin, server, close: () => closeServer(server) }
}

function createHttpsServer({ file }: ServerCertificate): Server {
  const pem = readFileSync(file)
  return createTlsServer({ key: pem, cert: pem })
}

/** Whether exactly one Host came, and this one. */
export function isServedHost(rawHeaders: readonly string[], host: string): boolean {
  const hosts = rawHeaders.filter(
    (_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === 'host',
  )
  return hosts.length === 1 && hosts[0] === host
}

function refuseHost(response: ServerResponse, origin: string): void {
  response.writeHead(421, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' })
  response.end(`Only ${origin} is served here.\n`)
}

async function bind(server: Server, { folder, name }: LoopbackServerOptions): Promise<number> {
  if (folder === undefined) return bindFree(server)
  let fresh = false
  const port = await folder.keep(`${name}-port.json`, () => {
    fresh = true
    return bindFree(server)
  })
  if (fresh) return port
  if (await listen(server, port)) return port
  throw new StartError(
    `Port ${port}, which the ${name} of ${folder.path} keeps, is taken: free it or choose another folder with --data DIR.`,
  )
}

async function bindFree(server: Server): Promise<number> {
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    const port = FIRST_PORT + randomInt(PORT_COUNT)
    if (await listen(server, port)) return port
  }
  throw new StartError(`No port from ${FIRST_PORT} to ${FIRST_PORT + PORT_COUNT - 1} is free.`)
}

function listen(server: Server, port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const onError = (error: Error): void => {
      server.off('listening', onListening)
      if ('code' in error && error.code === 'EADDRINUSE') resolve(false)
      else reject(error)
    }
    const onListening = (): void => {
      server.off('error', onError)
      resolve(true)
    }
    server.once('error', onError)
    server.once('listening', onListening)
    server.listen({ host: LOOPBACK, port, exclusive: true })
  })
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
