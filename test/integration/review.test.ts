import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { createCounter, createProvider, Secret } from 'coatcheck'
import { memoryStore } from 'coatcheck/memory-store'
import { createNodeHandler } from 'coatcheck/node'
import { createKeyRing, generateKeyRing } from 'coatcheck/ring'
import { Agent } from 'undici'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort } from '../support/dev-process.ts'
import { send } from '../support/send.ts'
import {
  apiCall,
  listen,
  OWN_NAVIGATION,
  type Stack,
  signInOverHttp,
  startStack,
} from '../support/stack.ts'

const HANDSHAKE =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'

let stack: Stack
let ticket: string
let upstreamSockets: Duplex[] = []
let holdUpgrades = false

beforeAll(async () => {
  stack = await startStack({ upstream, upgrade: (server) => server.on('upgrade', acceptSocket) })
  ticket = await signInOverHttp(stack)
})
afterAll(() => stack.close())

function upstream(request: IncomingMessage, response: ServerResponse): void {
  if (request.url === '/events') {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write('data: begun\n\n')
  } else response.end('{}')
}

function acceptSocket(_request: IncomingMessage, socket: Duplex): void {
  upstreamSockets.push(socket)
  socket.on('error', () => {})
  socket.on('end', () => socket.end())
  socket.on('close', () => {
    upstreamSockets = upstreamSockets.filter((other) => other !== socket)
  })
  socket.resume()
  if (holdUpgrades) return
  socket.write(
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n',
  )
}

/** A raw connection that has sent this. */
async function open(text: string, options: { allowHalfOpen?: boolean } = {}): Promise<Socket> {
  const socket = connect({ port: stack.port, host: '127.0.0.1', ...options })
  socket.on('error', () => {})
  await once(socket, 'connect')
  socket.write(text)
  return socket
}

const head = (line: string, more = ''): string =>
  `${line} HTTP/1.1\r\nHost: localhost:${stack.port}\r\nOrigin: ${stack.origin}\r\nCookie: ${ticket}\r\n${more}\r\n`

const openConnections = (): number =>
  process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length

describe('upgrades', () => {
  it('lets go of a refused one, whether the client closes or not', async () => {
    await apiCall(stack, ticket, '/api/x')
    const before = openConnections()
    for (let count = 0; count < 10; count += 1) {
      const polite = await open(head('GET /nothing', HANDSHAKE))
      polite.resume()
      await once(polite, 'close')
    }
    const rude = await Promise.all(
      Array.from({ length: 10 }, () =>
        open(head('GET /nothing', HANDSHAKE), { allowHalfOpen: true }),
      ),
    )
    for (const socket of rude) socket.resume()
    // What is still open is the client's own ends.
    await expect.poll(openConnections, { timeout: 15_000 }).toBeLessThanOrEqual(before + 10)
    for (const socket of rude) socket.destroy()
    await expect.poll(openConnections).toBeLessThanOrEqual(before)
  })

  it('gives the upstream back when the client leaves in mid-handshake or later', async () => {
    for (const held of [true, false]) {
      holdUpgrades = held
      const socket = await open(head('GET /api/socket', HANDSHAKE))
      await expect.poll(() => upstreamSockets.length).toBe(1)
      if (!held) await once(socket, 'data')
      socket.destroy()
      await expect.poll(() => upstreamSockets.length).toBe(0)
    }
  })

  it('T-GUARD-07 are GET, from our own pages, to listed addresses', async () => {
    holdUpgrades = false
    const status = async (text: string): Promise<string> => {
      const socket = await open(text)
      const [data] = (await once(socket, 'data')) as [Buffer]
      socket.destroy()
      return data.toString('latin1').slice(9, 12)
    }
    expect(await status(head('GET /api/socket', HANDSHAKE))).toBe('101')
    expect(await status(head('POST /api/socket', HANDSHAKE))).toBe('405')
    expect(await status(head('GET /api/other', HANDSHAKE))).toBe('404')
    const foreign = head('GET /api/socket', HANDSHAKE).replace(
      /Origin: .*/,
      'Origin: http://evil.test',
    )
    expect(await status(foreign)).toBe('403')
  })
})

describe('many at once', () => {
  it('leaves room for calls beside any number of event streams', async () => {
    const headers = 'Sec-Fetch-Site: same-origin\r\n'
    const streams = await Promise.all(
      Array.from({ length: 80 }, () => open(head('GET /api/events', headers))),
    )
    const begun = streams.map((socket) =>
      once(socket, 'data', { signal: AbortSignal.timeout(5000) }),
    )
    const [call, results] = await Promise.all([
      Promise.race([
        apiCall(stack, ticket, '/api/x').then(({ status }) => status),
        new Promise((resolve) => setTimeout(resolve, 8000, 'held up')),
      ]),
      Promise.allSettled(begun),
    ])
    for (const socket of streams) socket.destroy()
    expect(call).toBe(200)
    expect(results.filter(({ status }) => status === 'rejected')).toEqual([])
  })
})

describe('a client that leaves while its request is being decided', () => {
  it('costs the upstream no connection', async () => {
    let endless = 0
    const { server: app, port: appPort } = await listen((_request, response) => {
      endless += 1
      response.on('close', () => {
        endless -= 1
      })
      const chunk = Buffer.alloc(16_384)
      const more = (): void => {
        while (!response.destroyed && response.write(chunk)) {}
        if (!response.destroyed) response.once('drain', more)
      }
      more()
    })
    const port = await freePort()
    const origin = `http://localhost:${port}`
    const counter = createCounter({
      origin,
      provider: createProvider({
        issuer: 'https://idp.example',
        clientId: 'app',
        clientSecret: new Secret('a-secret-of-enough-length'),
      }),
      ring: createKeyRing(generateKeyRing()),
      sessions: { store: memoryStore() },
      app: { upstream: `http://127.0.0.1:${appPort}/` },
    })
    let leave = (): void => {}
    const left = new Promise<void>((resolve) => {
      leave = resolve
    })
    let decided = 0
    // The decision takes its time, as it does while tokens are renewed.
    const slow = {
      ...counter,
      handle: async (requestHead: Parameters<typeof counter.handle>[0]) => {
        await left
        decided += 1
        return counter.handle(requestHead)
      },
    }
    const dispatcher = new Agent()
    const handler = createNodeHandler(slow, { dispatcher })
    const server = createServer((request, response) => {
      response.once('close', () => leave())
      handler(request, response)
    }).listen(port, '127.0.0.1')
    await once(server, 'listening')
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
    socket.write(`GET /page HTTP/1.1\r\nHost: localhost:${port}\r\n\r\n`)
    await once(socket, 'connect')
    await new Promise((resolve) => setTimeout(resolve, 50))
    socket.destroy()
    await expect.poll(() => decided).toBe(1)
    await new Promise((resolve) => setTimeout(resolve, 200))
    const kept = endless
    await dispatcher.destroy()
    server.close()
    app.closeAllConnections()
    app.close()
    expect(kept).toBe(0)
  })
})

describe('shutdown', () => {
  it('does not wait for sockets, which never end by themselves', async () => {
    holdUpgrades = false
    const socket = await open(head('GET /api/socket', HANDSHAKE))
    await once(socket, 'data')
    const closed = await Promise.race([
      stack.restart().then(() => 'closed'),
      new Promise((resolve) => setTimeout(resolve, 20_000, 'still waiting')),
    ])
    socket.destroy()
    expect(closed).toBe('closed')
    expect((await apiCall(stack, ticket, '/api/x')).status).toBe(200)
    expect(
      (await send(`${stack.origin}/account`, { headers: { ...OWN_NAVIGATION, cookie: ticket } }))
        .status,
    ).toBe(200)
  })
})
