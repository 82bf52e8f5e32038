import { once } from 'node:events'
import { createServer, request as httpRequest, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { manualClock, tokenSet } from '../../../../test/support/session-fixture.ts'
import { createNodeHandler } from '../adapters/node.ts'
import { systemRandom } from '../core/random.ts'
import { Secret } from '../core/secret.ts'
import { createProvider } from '../provider/provider.ts'
import { createPageForward, prepareApp } from '../proxy/forward.ts'
import { createKeyRing } from '../ring/key-ring.ts'
import { generateKeyRing } from '../ring/ring-file.ts'
import { createSealedSessions } from '../sessions/sealed-sessions.ts'
import { memoryStore } from '../sessions/stores/memory.ts'
import { createCounter } from './counter.ts'
import type { CounterOptions } from './options.ts'

const ORIGIN = 'http://localhost:8080'
const NAME = '__Host-Http-coatcheck-8080'
const ISSUER = 'https://idp.example'
const IDLE_MS = 1_800_000
const open: (() => unknown)[] = []
afterEach(async () => {
  for (const close of open.splice(0)) await close()
})

async function setUp(changes: Partial<CounterOptions> = {}, tokenMs = 1e9) {
  const { clock, pass } = manualClock()
  const ring = createKeyRing(generateKeyRing())
  const counter = createCounter({
    origin: ORIGIN,
    provider: createProvider({
      issuer: ISSUER,
      clientId: 'app',
      clientSecret: new Secret('a secret for this test'),
    }),
    ring,
    sessions: { kind: 'sealed-cookie' },
    pages: { protected: ['/account/*'] },
    clock,
    ...changes,
  })
  const maker = createSealedSessions({
    ...{ site: ORIGIN, issuer: ISSUER, clientId: 'app', ring, name: NAME, clock },
    attributes: { secure: true, httpOnly: true, sameSite: 'Strict', path: '/' },
    random: systemRandom,
    onEvent: () => {},
  })
  const set = tokenSet({ issuer: ISSUER, clientId: 'app', accessTokenExpiresAt: clock() + tokenMs })
  const { setCookies } = await maker.create({ tokenSet: set }, undefined)
  return { counter, clock, pass, cookie: setCookies[0]?.split(';')[0] ?? '' }
}
async function listen(listener: RequestListener) {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  open.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}
const navigation = (cookie: string) => ({
  host: 'localhost:8080',
  cookie,
  'sec-fetch-site': 'same-origin',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-dest': 'document',
})
const script = (cookie: string) => ({
  host: 'localhost:8080',
  cookie,
  'sec-fetch-site': 'same-origin',
  'x-coatcheck': '1',
})
async function get(port: number, path: string, headers: Record<string, string>) {
  const sent = httpRequest({ port, host: '127.0.0.1', path, headers, agent: false })
  sent.end()
  const [answer] = await once(sent, 'response')
  answer.resume()
  return answer
}

describe('answers that set a session', () => {
  it.each(['no-cache', 'public, max-age=60'])(
    'T-PROXY-04 a page handed on leaves no session in a shared cache: %s',
    async (cache) => {
      const { counter, pass, cookie } = await setUp()
      const port = await listen(
        createNodeHandler(counter, {
          // What the gateway's own pages do (no-cache, an ETag), and what many apps do.
          pass: (_, response) => {
            response.setHeader('cache-control', cache)
            response.setHeader('etag', '"1"')
            response.end('page')
          },
        }),
      )
      pass(IDLE_MS / 2)
      const answer = await get(port, '/account/', navigation(cookie))
      expect(answer.headers['set-cookie']).toHaveLength(1)
      expect(answer.headers['cache-control']).toBe('no-store')
    },
  )

  it('T-PROXY-04 nor does counter.fetch', async () => {
    const { counter, pass, cookie } = await setUp()
    pass(IDLE_MS / 2)
    const answer = await counter.fetch(
      new Request(`${ORIGIN}/account/`, { headers: navigation(cookie) }),
      async () => new Response('page', { headers: { 'cache-control': 'public, max-age=60' } }),
    )
    expect(answer.headers.getSetCookie()).toHaveLength(1)
    expect(answer.headers.get('cache-control')).toBe('no-store')
  })

  it('T-PROXY-04 an upstream’s words to CDNs do not stand beside a session', () => {
    const app = prepareApp({ upstream: 'http://127.0.0.1:1/' })
    const { answerHeaders } = createPageForward(
      app,
      'GET',
      '/',
      [],
      { ownCookies: 'coatcheck', isProtected: true },
      ['id=sealed'],
    )
    const headers = answerHeaders([
      'CDN-Cache-Control',
      'max-age=600',
      'Surrogate-Control',
      'max-age=600',
    ])
    expect(headers.filter((each) => /^(?:cdn-cache|surrogate)-control$/i.test(each))).toEqual([])
  })

  it('whoever only calls APIs stays, also when the access token is over', async () => {
    const apis = [{ path: '/api/', upstream: 'http://127.0.0.1:1/' }]
    const { counter, pass, cookie } = await setUp({ apis }, 60_000)
    let now = cookie
    const seen: unknown[] = []
    for (let calls = 0; calls < 3; calls += 1) {
      pass(IDLE_MS / 2)
      const answer = await counter.fetch(new Request(`${ORIGIN}/api/x`, { headers: script(now) }))
      now = answer.headers.getSetCookie()[0]?.split(';')[0] ?? now
      seen.push(((await answer.json()) as { code: string }).code)
    }
    expect(seen).toEqual(Array(3).fill('access_token_expired'))
  })

  it('hands on whatever Response the app gives', async () => {
    const { counter, pass, cookie } = await setUp()
    const page = () =>
      counter.fetch(new Request(`${ORIGIN}/account/`, { headers: navigation(cookie) }), async () =>
        Response.error(),
      )
    expect((await page()).type).toBe('error')
    pass(IDLE_MS / 2)
    await expect(page()).resolves.toBeDefined()
  })
})

describe('a counter with sealed cookies', () => {
  it('sweeps the store that it was given, whatever it is for', async () => {
    const store = memoryStore()
    let sweeps = 0
    const counted = {
      ...store,
      sweep: (limit: number) => {
        sweeps += 1
        return store.sweep(limit)
      },
    }
    const { counter } = await setUp({
      sessions: { kind: 'sealed-cookie', overflow: 'error', store: counted },
    })
    await counter.sweep()
    expect(sweeps).toBe(1)
  })

  it.each([
    { kind: 'sealed-cookie', refreshTokens: 'single_process' },
    { kind: 'sealed-cookie', overflow: 'Error' },
    { kind: 'sealed-cookie', deflate: true },
    { kind: 'sealed-cookie', cacheSeconds: 5 },
    { store: memoryStore(), refreshTokens: 'single-process' },
  ])('refuses %j', async (sessions) => {
    await expect(setUp({ sessions: sessions as never })).rejects.toThrow()
  })

  it('refuses a budget into which no session fits', async () => {
    await expect(setUp({ cookie: { headerBudgetBytes: 1024 } })).rejects.toThrow()
  })
})
