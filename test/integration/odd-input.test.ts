import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { send } from '../support/send.ts'
import {
  apiCall,
  OWN_NAVIGATION,
  type Stack,
  signInOverHttp,
  startStack,
} from '../support/stack.ts'

let stack: Stack
let ticket: string
let rawUpstream: Server
let received = ''
let answer = ''
const faults: unknown[] = []
const note = (fault: unknown): void => void faults.push(fault)

beforeAll(async () => {
  process.on('uncaughtExceptionMonitor', note)
  process.on('unhandledRejection', note)
  rawUpstream = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {})
    socket.on('data', (part) => {
      received += part.toString('latin1')
      if (received.includes('\r\n\r\n')) socket.end(answer, 'latin1')
    })
  }).listen(0, '127.0.0.1')
  await once(rawUpstream, 'listening')
  const upstream = `http://127.0.0.1:${(rawUpstream.address() as AddressInfo).port}/`
  stack = await startStack({
    config: ({ pages, apis, ...base }) => ({
      ...base,
      pages: { upstream, protected: pages?.protected },
      apis: apis?.map((api) => ({
        ...api,
        upstream,
        headersTimeoutSeconds: 1,
        bodyTimeoutSeconds: 1,
      })),
    }),
  })
  ticket = await signInOverHttp(stack)
})
afterAll(async () => {
  await stack.close()
  rawUpstream.close()
  process.off('uncaughtExceptionMonitor', note)
  process.off('unhandledRejection', note)
})

/** Sends these bytes, half-closes or not, and gives back all that comes: to the end, to `until`, or to `ms` of silence. */
function raw(
  bytes: string,
  options: { end?: boolean; ms?: number; until?: RegExp } = {},
): Promise<string> {
  const { until, ms = until === undefined ? 400 : 10_000 } = options
  received = ''
  return new Promise((resolve) => {
    const socket = connect({ port: stack.port, host: '127.0.0.1', allowHalfOpen: true })
    let text = ''
    socket.setTimeout(ms, () => socket.destroy())
    socket.on('data', (part) => {
      text += part.toString('latin1')
      if (until?.test(text)) socket.destroy()
    })
    socket.on('end', () => socket.destroy())
    socket.on('error', () => {})
    socket.on('close', () => resolve(text))
    if (options.end === true) socket.end(bytes, 'latin1')
    else socket.write(bytes, 'latin1')
  })
}

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}'
const authority = (): string =>
  `Host: localhost:${stack.port}\r\nCookie: ${ticket}\r\nSec-Fetch-Site: same-origin\r\nX-Coatcheck: 1\r\n`

async function stillThere(): Promise<void> {
  const health = await send(`${stack.origin}/auth/health`)
  expect(health.status).toBe(200)
  expect(faults).toEqual([])
}

describe('odd requests', () => {
  it('T-PROXY-04 are answered or cut off, and the gateway goes on', async () => {
    answer = OK
    const lines = [
      'GET / HTTP/0.9',
      'GET /',
      'get /api/x HTTP/1.1',
      'PRI * HTTP/2.0',
      'OPTIONS * HTTP/1.1',
      'CONNECT localhost:80 HTTP/1.1',
      'CONNECT /api/x HTTP/1.1',
      'GET http://evil.test/api/x HTTP/1.1',
      'GET //evil.test/ HTTP/1.1',
      'GET /\\evil.test HTTP/1.1',
      'GET /%00 HTTP/1.1',
      'GET /\u00ff HTTP/1.1',
      'GET ? HTTP/1.1',
      'GET /api/x HTTP/1.1\r\nHost: evil.test',
      'GET /api/x HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked',
      'POST /api/x HTTP/1.1\r\nTransfer-Encoding: chunked, identity',
      'POST /api/x HTTP/1.1\r\nTransfer-Encoding: xchunked',
      'POST /api/x HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6',
      'POST /api/x HTTP/1.1\r\nContent-Length: -1',
      'POST /api/x HTTP/1.1\r\nContent-Length: 0x10',
      'POST /api/x HTTP/1.1\r\nContent-Length : 5',
      'GET /api/x HTTP/1.1\r\n X-Folded: 1',
      'GET /api/x HTTP/1.1\r\nX: a\r\n\tb',
      'GET /api/x HTTP/1.1\r\nExpect: nonsense',
      'GET /api/x HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: h2c',
      'GET /api/x HTTP/1.1\r\nUpgrade: websocket',
      'GET /api/socket HTTP/1.1\r\nUpgrade: websocket',
      'GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket',
      `GET /api/x HTTP/1.1\r\nX-Large: ${'x'.repeat(20_000)}`,
      `GET /${'x'.repeat(9000)} HTTP/1.1`,
      `GET /account?${'coatcheck-hop=1&'.repeat(500)}coatcheck-hop=1 HTTP/1.1`,
    ]
    for (const line of lines) {
      for (const end of [false, true]) {
        const text = await raw(`${line}\r\n${authority()}\r\n`, { end, ms: 60 })
        expect(text, line).not.toMatch(/^HTTP\/1\.1 500/)
        expect(text, line).not.toMatch(/\n\s+at /)
      }
    }
    await stillThere()
  })

  it('T-PROXY-04 smuggle nothing past the proxy', async () => {
    answer = OK
    const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: evil.test\r\n\r\n'
    for (const head of [
      `POST /api/x HTTP/1.1\r\nContent-Length: ${smuggled.length}\r\nTransfer-Encoding: chunked\r\n`,
      `POST /api/x HTTP/1.1\r\nContent-Length: 0\r\nContent-Length: ${smuggled.length}\r\n`,
      'POST /api/x HTTP/1.1\r\nTransfer-Encoding: identity\r\n',
      'POST /api/x HTTP/1.1\r\nTransfer-Encoding:\x0bchunked\r\n',
      `GET /api/socket HTTP/1.1\r\nOrigin: ${stack.origin}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: ${smuggled.length}\r\n`,
      'POST /api/x HTTP/1.1\r\nConnection: content-length\r\nContent-Length: 0\r\n',
      'POST /api/x HTTP/1.1\r\nConnection: x-coatcheck, host, authorization\r\nContent-Length: 0\r\n',
    ]) {
      await raw(`${head}${authority()}\r\n${smuggled}`, { ms: 100 })
      expect(received, head).not.toContain('/smuggled')
      if (received !== '') expect(received.toLowerCase(), head).toContain('host: 127.0.0.1:')
    }
    // A GET whose body looks like a request stays one request with a body.
    await raw(
      `GET /api/x HTTP/1.1\r\nContent-Length: ${smuggled.length}\r\n${authority()}\r\n${smuggled}`,
      { until: / 200 OK/ },
    )
    expect(received.toLowerCase()).toContain(`content-length: ${smuggled.length}`)
    await stillThere()
  })

  it('may leave in mid-body, ask for 100, speak HTTP/1.0 or come in a row', async () => {
    answer = OK
    await raw(`POST /api/x HTTP/1.1\r\nContent-Length: 100000\r\n${authority()}\r\nbegun`, {
      ms: 50,
    })
    await raw(`POST /api/x HTTP/1.1\r\nContent-Length: 10\r\n${authority()}\r\nbegun`, {
      end: true,
    })
    await raw(
      `POST /api/x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n${authority()}\r\n5\r\nbegun\r\n`,
      { ms: 50 },
    )
    await raw(`POST /api/x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n${authority()}\r\nzz\r\n`, {
      ms: 50,
    })
    expect(
      await raw(
        `POST /api/x HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n${authority()}\r\nwhole`,
        { until: / 200 OK/ },
      ),
    ).toMatch(/100 Continue[\s\S]* 200 OK/)
    expect(received.toLowerCase()).not.toContain('expect')
    const old = await raw(`GET /api/x HTTP/1.0\r\n${authority()}\r\n`, { until: / 200/ })
    expect(old).toMatch(/^HTTP\/1\.[01] 200/)
    const health = `GET /auth/health HTTP/1.1\r\n${authority()}\r\n`
    const row = await raw(health.repeat(5), { until: /(?: 200 OK[\s\S]*){5}/ })
    expect(row.match(/HTTP\/1\.1 200/g)).toHaveLength(5)
    await stillThere()
  })
})

describe('odd answers of an upstream', () => {
  it('become 502 or are cut off, and the gateway goes on', async () => {
    for (const odd of [
      '',
      'nonsense\r\n\r\n',
      'HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n',
      'HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n',
      'HTTP/1.1 000 Odd\r\nContent-Length: 0\r\n\r\n',
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
      'HTTP/1.1 100 Continue\r\n\r\n',
      `${'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n'.repeat(50)}${OK}`,
      'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n{}',
      'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n',
      'HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort',
      'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nlonger than said',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
      'HTTP/1.1 200 OK\r\nX-Odd: a\x01b\r\nContent-Length: 0\r\n\r\n',
      'HTTP/1.1 200 OK\r\nX-Odd: a\x7fb\r\nContent-Length: 0\r\n\r\n',
      'HTTP/1.1 200 OK\r\nX-Odd: \xe9\r\nContent-Length: 0\r\n\r\n',
      'HTTP/1.1 200 OK\r\nX Odd: a\r\nContent-Length: 0\r\n\r\n',
      'HTTP/1.1 200 OK\r\n: a\r\nContent-Length: 0\r\n\r\n',
      'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello',
      'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n',
      'HTTP/1.1 200 OK\r\nConnection: content-length, set-cookie\r\nContent-Length: 0\r\n\r\n',
      `HTTP/1.1 200 OK\r\nX-Large: ${'x'.repeat(40_000)}\r\n\r\n`,
      'HTTP/1.0 200 OK\r\n\r\nuntil the end',
      'HTTP/1.1 200 OK\r\nContent-Disposition: x\r\nCache-Control: \xff\r\nContent-Length: 0\r\n\r\n',
    ]) {
      answer = odd
      for (const line of [
        'GET /api/x',
        'HEAD /api/x',
        'POST /api/x',
        'GET /api/download/a',
        'GET /page',
        'GET /api/socket',
      ]) {
        const upgrade = line.endsWith('socket')
          ? `Origin: ${stack.origin}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n`
          : ''
        const text = await raw(`${line} HTTP/1.1\r\n${upgrade}${authority()}\r\n`, { ms: 60 })
        expect(text, odd.slice(0, 60)).not.toMatch(/set-cookie/i)
      }
    }
    await stillThere()
  })
})

describe('an app behind the gateway', () => {
  it('T-PROXY-02 gets its own cookies and no ticket, token or forged address', async () => {
    answer = OK
    const text = await raw(
      `POST /form HTTP/1.1\r\nHost: localhost:${stack.port}\r\nCookie: theme=dark; ${ticket}; __HOST-http-COATCHECK=x\r\nAuthorization: Basic eA==\r\nX-Forwarded-For: 6.6.6.6\r\nX_Forwarded_For: 6.6.6.6\r\nContent-Length: 5\r\n\r\na=b&c`,
      { until: / 200 OK/ },
    )
    expect(text).toMatch(/^HTTP\/1\.1 200/)
    expect(received).toContain('a=b&c')
    expect(received).toMatch(/^cookie: theme=dark\r$/im)
    expect(received.toLowerCase()).not.toContain('coatcheck')
    expect(received.toLowerCase()).not.toContain('authorization')
    expect(received).not.toContain('6.6.6.6')
  })

  it('T-PROXY-03 sets its own cookies and none of ours', async () => {
    answer = `HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: ${stack.cookieName}=evil\r\nSet-Cookie: =${stack.cookieName}=evil\r\nSet-Cookie: __HOST-HTTP-coatcheck-in-x=evil\r\nSet-Cookie:  \t${stack.cookieName}=evil\r\nClear-Site-Data: "cookies"\r\nContent-Length: 0\r\n\r\n`
    const page = await send(`${stack.origin}/page`, { headers: OWN_NAVIGATION })
    expect(page.headers.getSetCookie()).toEqual(['a=1'])
    expect(page.headers.get('clear-site-data')).toBeNull()
  })

  it('shows protected pages to the signed-in alone, in every spelling, and to no shared cache', async () => {
    answer =
      'HTTP/1.1 200 OK\r\nCache-Control: public, max-age=3600\r\nContent-Length: 6\r\n\r\nsecret'
    for (const path of [
      '/account',
      '/account/',
      '/ACCOUNT/x',
      '/account;a=b/x',
      '/%61ccount/x',
      '/account.html',
    ]) {
      received = ''
      const out = await send(stack.origin + path, { headers: OWN_NAVIGATION })
      expect(out.status, path).toBe(401)
      expect(received, path).toBe('')
      const post = await send(stack.origin + path, {
        method: 'POST',
        headers: { origin: stack.origin },
      })
      expect(post.status, path).toBe(401)
      const foreign = await send(stack.origin + path, {
        method: 'POST',
        headers: { origin: 'http://evil.test', cookie: ticket },
      })
      expect(foreign.status, path).toBe(401)
      expect(received, path).toBe('')
      const page = await send(stack.origin + path, {
        headers: { ...OWN_NAVIGATION, cookie: ticket },
      })
      expect([page.status, await page.text()], path).toEqual([200, 'secret'])
      expect(page.headers.get('cache-control'), path).toBe('no-store')
    }
    const open = await send(`${stack.origin}/page`, { headers: OWN_NAVIGATION })
    expect(open.headers.get('cache-control')).toBe('public, max-age=3600')
  })
})

describe('sign-out', () => {
  it('T-COOKIE-04 ends the session even where a twin of the ticket was planted', async () => {
    answer = OK
    const own = await signInOverHttp(stack, 'grace')
    const signedOut = await send(`${stack.origin}/auth/sign-out`, {
      method: 'POST',
      headers: {
        origin: stack.origin,
        'sec-fetch-mode': 'cors',
        cookie: `${own}; ${stack.cookieName}=planted`,
      },
    })
    expect(signedOut.status).toBe(200)
    expect(signedOut.headers.get('x-content-type-options')).toBe('nosniff')
    expect((await apiCall(stack, own, '/api/x')).status).toBe(401)
  })
})
