import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage, type RequestListener } from 'node:http'
import type { Duplex } from 'node:stream'
import { type Gateway, startGateway } from '@coatcheck/gateway'
import { afterEach, describe, expect, it } from 'vitest'
import { freePort } from '../support/dev-process.ts'
import { send } from '../support/send.ts'
import { type Stack, type StackOptions, signInOverHttp, startStack } from '../support/stack.ts'

const open: (() => unknown)[] = []
const upstreamSockets = new Set<Duplex>()
let upstreamStreams = 0

afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

/** An upstream whose sockets and streams never end by themselves. */
const upstream: RequestListener = (_, response) => {
  upstreamStreams += 1
  response.on('close', () => {
    upstreamStreams -= 1
  })
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  response.write(':\n\n')
}

function acceptSocket(_: unknown, socket: Duplex): void {
  upstreamSockets.add(socket)
  socket.on('close', () => upstreamSockets.delete(socket)).on('error', () => {})
  socket.on('data', (bytes) => socket.write(bytes)).on('end', () => socket.end())
  socket.write(
    'HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n',
  )
}

async function start(options: StackOptions = {}): Promise<Stack> {
  const stack = await startStack({
    upstream,
    upgrade: (server) => server.on('upgrade', acceptSocket),
    ...options,
  })
  open.push(() => stack.close())
  return stack
}

function address(stack: Stack, port: number, path: string, extra: Record<string, string>) {
  const headers = { host: new URL(stack.origin).host, 'sec-fetch-site': 'same-origin', ...extra }
  return { host: '127.0.0.1', port, path, headers, agent: false as const }
}

async function openSocket(stack: Stack, cookie: string, port = stack.port): Promise<Duplex> {
  const sent = httpRequest(
    address(stack, port, '/api/socket', {
      ...{ cookie, origin: stack.origin, connection: 'Upgrade', upgrade: 'websocket' },
      ...{ 'sec-websocket-version': '13', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' },
    }),
  )
  sent.end()
  const [, socket] = (await once(sent, 'upgrade')) as [IncomingMessage, Duplex]
  socket.on('error', () => {})
  socket.write('ping')
  expect(String((await once(socket, 'data'))[0])).toBe('ping')
  return socket
}

async function openStream(
  stack: Stack,
  cookie: string,
  port = stack.port,
): Promise<IncomingMessage> {
  const sent = httpRequest(address(stack, port, '/api/events', { cookie })).end()
  sent.on('error', () => {})
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  expect(answer.statusCode).toBe(200)
  answer.on('error', () => {})
  answer.resume()
  return answer
}

// Cut off counts as closed.
const closed = (one: Duplex | IncomingMessage): Promise<void> =>
  new Promise((resolve) => {
    if (one.closed) resolve()
    else one.once('close', resolve)
  })

function signOut(stack: Stack, cookie: string, origin = stack.origin): Promise<Response> {
  const headers = {
    host: new URL(stack.origin).host,
    origin: stack.origin,
    cookie,
    'sec-fetch-mode': 'cors',
  }
  return send(`${origin}/auth/sign-out`, { method: 'POST', headers })
}

describe('connections that outlive their request', () => {
  it('T-SESSION-05 end with the session, here and upstream, and nobody else’s do', async () => {
    const stack = await start()
    const [ada, grace] = [await signInOverHttp(stack), await signInOverHttp(stack, 'grace')]
    const socket = await openSocket(stack, ada)
    const stream = await openStream(stack, ada)
    const other = await openSocket(stack, grace)
    await signOut(stack, ada)
    await Promise.all([closed(socket), closed(stream)])
    await expect.poll(() => [upstreamSockets.size, upstreamStreams]).toEqual([1, 0])
    other.write('still there')
    expect(String((await once(other, 'data'))[0])).toBe('still there')
    other.destroy()
    await expect.poll(() => upstreamSockets.size).toBe(0)
  })

  it('T-SESSION-05 end in another process too, also where the store cannot notify', async () => {
    const stack = await start()
    const port = await freePort()
    const gateway: Gateway = await startGateway({ ...stack.config, listen: { port } })
    open.push(() => gateway.close())
    const cookie = await signInOverHttp(stack)
    const [socket, stream] = [
      await openSocket(stack, cookie, port),
      await openStream(stack, cookie, port),
    ]
    await signOut(stack, cookie)
    await Promise.all([closed(socket), closed(stream)])
  })

  it('T-SESSION-04 end when the session is over by time: being open is no activity', async () => {
    const stack = await start({
      config: (base) => ({ ...base, sessions: { ...base.sessions, idleSeconds: 2 } }),
    })
    const socket = await openSocket(stack, await signInOverHttp(stack))
    const talking = setInterval(() => socket.write('x'), 100)
    await closed(socket)
    clearInterval(talking)
  })

  it('end with the access token where the route says so, and else outlive it', async () => {
    const lasting = (connectionsLast: 'session' | 'access_token') =>
      start({
        accessTokenSeconds: 2,
        config: (base) => ({
          ...base,
          apis: (base.apis ?? []).map((api) => ({ ...api, connectionsLast })),
        }),
      })
    const [brief, usual] = [await lasting('access_token'), await lasting('session')]
    const kept = await openSocket(usual, await signInOverHttp(usual))
    const cut = await openSocket(brief, await signInOverHttp(brief))
    await closed(cut)
    await new Promise((resolve) => setTimeout(resolve, 1500))
    expect(kept.destroyed).toBe(false)
  })

  it('T-SESSION-05 end for sessions that lie in cookies', async () => {
    const stack = await start({
      config: (base) => ({ ...base, sessions: { kind: 'sealed-cookie' } }),
    })
    const cookie = await signInOverHttp(stack)
    const [socket, stream] = [await openSocket(stack, cookie), await openStream(stack, cookie)]
    await signOut(stack, cookie)
    await Promise.all([closed(socket), closed(stream)])
  })
})
