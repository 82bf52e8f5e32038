import { once } from 'node:events'
import { type IncomingMessage, request, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { send } from '../support/send.ts'
import { apiCall, type Stack, signInOverHttp, startStack } from '../support/stack.ts'

let stack: Stack
let ticket: string
let openAnswers = 0
const received: IncomingMessage[] = []

beforeAll(async () => {
  stack = await startStack({
    upstream,
    config: (base) => ({
      ...base,
      apis: base.apis?.map((api) => ({
        ...api,
        maxRequestBytes: 100_000,
        headersTimeoutSeconds: 1,
        bodyTimeoutSeconds: 2,
      })),
    }),
  })
  ticket = await signInOverHttp(stack)
})
afterAll(() => stack.close())

function upstream(incoming: IncomingMessage, response: ServerResponse): void {
  received.push(incoming)
  const path = incoming.url ?? ''
  if (path.startsWith('/never')) return
  if (path.startsWith('/trickle')) {
    openAnswers += 1
    response.writeHead(200, { 'content-type': 'application/octet-stream' })
    const timer = setInterval(() => response.write('more'), 50)
    response.on('close', () => {
      clearInterval(timer)
      openAnswers -= 1
    })
    response.write('begun')
    return
  }
  if (path.startsWith('/endless')) {
    openAnswers += 1
    response.on('close', () => {
      openAnswers -= 1
    })
    response.writeHead(200, { 'content-type': 'application/octet-stream' })
    const chunk = Buffer.alloc(16_384)
    const more = (): void => {
      while (!response.destroyed && response.write(chunk)) {}
      response.once('drain', more)
    }
    more()
  } else if (path.startsWith('/hostile')) {
    response.writeHead(200, {
      'content-type': 'text/html',
      'set-cookie': [`${stack.cookieName}=evil; Path=/`, 'other=1'],
      'access-control-allow-origin': '*',
      'clear-site-data': '"cookies"',
    })
    response.end('<script>alert(1)</script>')
  } else if (path.startsWith('/redirect')) {
    response.writeHead(302, { location: 'https://evil.test/' }).end()
  } else if (path.startsWith('/halves')) {
    response.writeHead(200, { 'content-length': '1000' })
    response.write('begun')
    setTimeout(() => response.destroy(), 20)
  } else if (path.startsWith('/count')) {
    let bytes = 0
    incoming.on('data', (part: Buffer) => {
      bytes += part.length
    })
    incoming.on('end', () =>
      response.end(JSON.stringify({ bytes, length: incoming.headers['content-length'] })),
    )
  } else response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
}

describe('the proxy', () => {
  it('T-PROXY-01 calls the listed upstream alone, whatever the path says', async () => {
    const before = received.length
    for (const path of [
      '/api//evil.test/',
      '/api/../auth/session',
      '/api/%2e%2e/x',
      '/api/%2fevil.test',
      '/api/a\\b',
      '/api/x%00',
      '/api/..%2f',
    ]) {
      expect(await rawStatus(`GET ${path} HTTP/1.1`), path).toBe(400)
    }
    expect(await rawStatus('GET http://evil.test/api/x HTTP/1.1')).toBe(400)
    expect(await rawStatus('TRACE /api/x HTTP/1.1')).toBe(405)
    expect(await rawStatus('OPTIONS /api/x HTTP/1.1')).toBe(405)
    expect(received.length).toBe(before)
    expect((await apiCall(stack, ticket, '/api/@evil.test')).status).toBe(200)
    expect(received.at(-1)?.url).toBe('/@evil.test')
    expect(received.at(-1)?.headers.host).toMatch(/^127\.0\.0\.1:/)
  })

  it('T-PROXY-01 follows no redirect', async () => {
    const answer = await apiCall(stack, ticket, '/api/redirect')
    expect(answer.status).toBe(302)
    expect(answer.headers.get('location')).toBe('https://evil.test/')
  })

  it('T-PROXY-02 lets no caller forge an identity', async () => {
    await apiCall(stack, ticket, '/api/x', {
      headers: {
        authorization: 'Bearer forged',
        'x-forwarded-for': '6.6.6.6',
        forwarded: 'for=6.6.6.6',
        'x-remote-user': 'admin',
      },
    })
    const { headers } = received.at(-1) as IncomingMessage
    expect(headers.authorization).not.toContain('forged')
    expect(headers['x-forwarded-for']).toMatch(/^(?:::1|127\.0\.0\.1|::ffff:127\.0\.0\.1)$/)
    expect(headers.forwarded).toBeUndefined()
    expect(headers['x-remote-user']).toBeUndefined()
    expect(headers.cookie).toBeUndefined()
  })

  it('T-PROXY-03 shows no upstream document, and lets it set nothing', async () => {
    const answer = await apiCall(stack, ticket, '/api/hostile')
    expect(answer.headers.getSetCookie()).toEqual([])
    expect(answer.headers.get('access-control-allow-origin')).toBeNull()
    expect(answer.headers.get('clear-site-data')).toBeNull()
    expect(answer.headers.get('content-security-policy')).toContain('sandbox')
    for (const destination of ['document', 'iframe', 'script', 'worker', 'object']) {
      const shown = await apiCall(stack, ticket, '/api/hostile', {
        headers: { 'sec-fetch-dest': destination },
      })
      expect(shown.status, destination).toBe(403)
    }
  })

  it('T-GUARD-03 wants the header on every call, but not on a listed download', async () => {
    const headers = { cookie: ticket, 'sec-fetch-site': 'same-origin' }
    expect((await send(`${stack.origin}/api/x`, { headers })).status).toBe(403)
    const download = await send(`${stack.origin}/api/download/a.csv`, {
      headers: { ...headers, 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' },
    })
    expect(download.status).toBe(200)
    expect(download.headers.get('content-disposition')).toBe('attachment')
    const byReferer = await send(`${stack.origin}/api/download/a.csv`, {
      headers: { cookie: ticket, referer: `${stack.origin}/` },
    })
    expect(byReferer.status).toBe(200)
    const foreign = await send(`${stack.origin}/api/download/a.csv`, {
      headers: { cookie: ticket, referer: 'https://evil.test/' },
    })
    expect(foreign.status).toBe(403)
    expect(((await foreign.json()) as { rule: string }).rule).toBe('referer')
  })

  it('streams uploads with and without a length, and stops those over the limit', async () => {
    const sized = await apiCall(stack, ticket, '/api/count', {
      method: 'POST',
      body: 'x'.repeat(90_000),
      headers: { 'content-length': '90000' },
    })
    expect(await sized.json()).toEqual({ bytes: 90_000, length: '90000' })
    const chunked = await apiCall(stack, ticket, '/api/count', {
      method: 'POST',
      body: 'x'.repeat(90_000),
      headers: { 'transfer-encoding': 'chunked' },
    })
    expect(await chunked.json()).toEqual({ bytes: 90_000 })
    const tooLong = await apiCall(stack, ticket, '/api/count', {
      method: 'POST',
      body: 'x'.repeat(100_001),
      headers: { 'content-length': '100001' },
    })
    expect(tooLong.status).toBe(413)
    const tooLongChunked = await apiCall(stack, ticket, '/api/count', {
      method: 'POST',
      body: 'x'.repeat(300_000),
      headers: { 'transfer-encoding': 'chunked' },
    }).catch(() => undefined)
    if (tooLongChunked !== undefined) expect(tooLongChunked.status).toBe(413)
    expect((await apiCall(stack, ticket, '/api/x')).status).toBe(200)
  })

  it('answers 504 for a slow upstream and cuts off an answer that breaks', async () => {
    expect((await apiCall(stack, ticket, '/api/never')).status).toBe(504)
    await expect(apiCall(stack, ticket, '/api/halves')).rejects.toThrow()
    expect((await apiCall(stack, ticket, '/api/x')).status).toBe(200)
  })

  it('gives the connection of every client that leaves back: 5,000 of them', async () => {
    const target = { host: '127.0.0.1', port: stack.port, path: '/api/trickle' }
    const headers = {
      host: `localhost:${stack.port}`,
      cookie: ticket,
      'sec-fetch-site': 'same-origin',
      'x-coatcheck': '1',
    }
    let left = 5000
    const leave = (): Promise<void> =>
      new Promise((resolve) => {
        const sent = request({ ...target, headers, agent: false })
        sent.on('response', (answer) => {
          answer.once('data', () => sent.destroy())
          answer.on('error', () => {})
        })
        sent.on('error', () => {})
        sent.on('close', () => resolve())
        sent.end()
      })
    const client = async (): Promise<void> => {
      while (left > 0) {
        left -= 1
        await leave()
      }
    }
    await Promise.all(Array.from({ length: 50 }, client))
    expect((await apiCall(stack, ticket, '/api/x')).status).toBe(200)
    while (openAnswers > 0) await new Promise((resolve) => setTimeout(resolve, 10))
    expect(openAnswers).toBe(0)
  })

  it('holds an endless answer back while nobody reads it', async () => {
    const socket = connect(stack.port, '127.0.0.1')
    socket.write(
      `GET /api/endless HTTP/1.1\r\nHost: localhost:${stack.port}\r\nCookie: ${ticket}\r\nSec-Fetch-Site: same-origin\r\nX-Coatcheck: 1\r\n\r\n`,
    )
    await once(socket, 'readable')
    socket.pause()
    const before = process.memoryUsage().rss
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024)
    socket.destroy()
    while (openAnswers > 0) await new Promise((resolve) => setTimeout(resolve, 10))
  })
})

function rawStatus(requestLine: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = connect(stack.port, '127.0.0.1')
    let text = ''
    socket.on('data', (part) => {
      text += part
    })
    socket.on('close', () => resolve(Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0)))
    socket.on('error', reject)
    socket.write(
      `${requestLine}\r\nHost: localhost:${stack.port}\r\nCookie: ${ticket}\r\nSec-Fetch-Site: same-origin\r\nX-Coatcheck: 1\r\nConnection: close\r\n\r\n`,
    )
  })
}
