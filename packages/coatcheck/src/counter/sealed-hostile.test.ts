import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import {
  IDLE_MS,
  navigation,
  ORIGIN,
  script,
  sealedCounter,
  servers,
} from '../../../../test/support/sealed-counter.ts'
import { createNodeHandler } from '../adapters/node.ts'
import { createPageForward, prepareApp } from '../proxy/forward.ts'
import { memoryStore } from '../sessions/stores/memory.ts'

const local = servers()
const { listen } = local
afterEach(local.close)

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
      const { counter, pass, cookie } = await sealedCounter()
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
    const { counter, pass, cookie } = await sealedCounter()
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
    const { counter, pass, cookie } = await sealedCounter({ apis }, 60_000)
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
    const { counter, pass, cookie } = await sealedCounter()
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
    const { counter } = await sealedCounter({
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
    await expect(sealedCounter({ sessions: sessions as never })).rejects.toThrow()
  })

  it('refuses a budget into which no session fits', async () => {
    await expect(sealedCounter({ cookie: { headerBudgetBytes: 1024 } })).rejects.toThrow()
  })
})
