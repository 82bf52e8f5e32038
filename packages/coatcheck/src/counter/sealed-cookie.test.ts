import { once } from 'node:events'
import { request as httpRequest, type RequestListener, type ServerResponse } from 'node:http'
import { Agent } from 'undici'
import { afterEach, describe, expect, it } from 'vitest'
import {
  IDLE_MS,
  NAME,
  navigation,
  ORIGIN,
  script,
  sealedCounter,
  servers,
} from '../../../../test/support/sealed-counter.ts'
import { coatcheck } from '../adapters/express.ts'
import { createNodeHandler, headOf } from '../adapters/node.ts'
import { CoatcheckError } from '../core/errors.ts'
import { memoryStore } from '../sessions/stores/memory.ts'
import type { CounterSessionsOptions } from './session-settings.ts'

const local = servers()
const { listen } = local
afterEach(local.close)

function get(port: number, path: string, headers: Record<string, string>) {
  return new Promise<{ status: number; setCookies: string[]; cache: string; body: string }>(
    (resolve, reject) => {
      httpRequest({ port, host: '127.0.0.1', path, headers, agent: false }, (answer) => {
        let body = ''
        answer.on('data', (part) => {
          body += part
        })
        answer.on('end', () =>
          resolve({
            status: answer.statusCode ?? 0,
            setCookies: answer.headers['set-cookie'] ?? [],
            cache: answer.headers['cache-control'] ?? '',
            body,
          }),
        )
      })
        .on('error', reject)
        .end()
    },
  )
}

describe('createCounter with sealed cookies', () => {
  it('sets the successor on pages, beside the cookies of the app: node and Express', async () => {
    const { counter, pass, cookie } = await sealedCounter()
    const own: RequestListener = (_, response) => {
      response.appendHeader('set-cookie', 'theme=dark')
      response.end('page')
    }
    const node = await listen(createNodeHandler(counter, { pass: own }))
    // It comes without types.
    const { default: express } = await import(String('express'))
    const app = express()
    app.use(coatcheck(counter))
    app.use((_: unknown, response: ServerResponse & { cookie(...pair: string[]): void }) => {
      response.cookie('theme', 'dark')
      response.end('page')
    })
    const mounted = await listen(app as RequestListener)
    for (const port of [node, mounted]) {
      const fresh = await get(port, '/account/', navigation(cookie))
      expect([fresh.status, fresh.setCookies.length]).toEqual([200, 1])
    }
    pass(IDLE_MS / 2)
    const sets: string[] = []
    for (const port of [node, mounted]) {
      const { status, setCookies } = await get(port, '/account/', navigation(cookie))
      expect(status).toBe(200)
      expect(setCookies.some((each) => each.startsWith('theme=dark'))).toBe(true)
      sets.push(setCookies.find((each) => each.startsWith(`${NAME}=`)) ?? 'none')
      // A page that anybody may see is no activity.
      expect((await get(port, '/', navigation(cookie))).setCookies).toHaveLength(1)
    }
    expect(sets[0]).toMatch(/; Path=\/; Secure; HttpOnly; SameSite=Strict$/)
    expect(sets[1]).toBe(sets[0])
  })

  it('sets it on API answers, out of every cache, and over all ways to an upstream', async () => {
    const upstream = await listen((_, response) => {
      response.writeHead(200, { 'cache-control': 'private, max-age=60', 'set-cookie': 'a=b' })
      response.end('{}')
    })
    const apis = [{ path: '/api/', upstream: `http://127.0.0.1:${upstream}/` }]
    const { counter, pass, cookie } = await sealedCounter({ apis })
    const dispatcher = new Agent()
    local.closeLater(() => dispatcher.destroy())
    const ports = [
      await listen(createNodeHandler(counter, { dispatcher: dispatcher as never })),
      await listen(createNodeHandler(counter)),
    ]
    for (const port of ports) {
      const answer = await get(port, '/api/x', script(cookie))
      expect(answer).toMatchObject({ status: 200, setCookies: [], cache: 'private, max-age=60' })
    }
    pass(IDLE_MS / 2)
    for (const port of ports) {
      const answer = await get(port, '/api/x', script(cookie))
      expect(answer).toMatchObject({ status: 200, cache: 'no-store' })
      expect(answer.setCookies).toEqual([expect.stringContaining(`${NAME}=`)])
    }
    const request = new Request(`${ORIGIN}/api/x`, { headers: script(cookie) })
    const answer = await counter.fetch(request)
    expect(answer.headers.getSetCookie()).toEqual([expect.stringContaining(`${NAME}=`)])
    expect(answer.headers.get('cache-control')).toBe('no-store')
  })

  it('sets it in the handshake of a WebSocket', async () => {
    const upstream = await listen((_, response) => void response.end(), ((
      _: unknown,
      socket: { end(text: string): void },
    ) =>
      socket.end(
        'HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\nset-cookie: a=b\r\n\r\n',
      )) as never)
    const apis = [
      { path: '/api/', upstream: `http://127.0.0.1:${upstream}/`, sockets: ['/api/socket'] },
    ]
    const { counter, pass, cookie } = await sealedCounter({ apis })
    pass(IDLE_MS / 2)
    const dispatcher = new Agent()
    local.closeLater(() => dispatcher.destroy())
    const handler = createNodeHandler(counter, { dispatcher: dispatcher as never })
    const port = await listen(handler, handler.upgrade as never)
    const headers = {
      ...{ host: 'localhost:8080', cookie, origin: ORIGIN, connection: 'Upgrade' },
      ...{ upgrade: 'websocket', 'sec-websocket-version': '13' },
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    }
    const sent = httpRequest({
      port,
      host: '127.0.0.1',
      path: '/api/socket',
      headers,
      agent: false,
    })
    sent.end()
    const [answer] = (await once(sent, 'upgrade')) as [{ headers: Record<string, string[]> }]
    expect(answer.headers['set-cookie']).toEqual([expect.stringContaining(`${NAME}=`)])
  })

  it('gives handlers of one’s own the session, and what their answer must set', async () => {
    const { counter, pass, cookie } = await sealedCounter()
    pass(IDLE_MS / 2)
    const request = new Request(`${ORIGIN}/mine`, { headers: navigation(cookie) })
    const session = await counter.session(request)
    if (session === undefined) throw new Error('signed out')
    expect(counter.setCookies(session)).toEqual([expect.stringContaining(`${NAME}=`)])
    const page = new Request(`${ORIGIN}/account/`, { headers: navigation(cookie) })
    const answer = await counter.fetch(page, async () => Response.redirect(`${ORIGIN}/elsewhere`))
    expect([answer.status, answer.headers.get('location')]).toEqual([302, `${ORIGIN}/elsewhere`])
    expect(answer.headers.getSetCookie()).toEqual(counter.setCookies(session))
    const port = await listen(async (incoming, response) => {
      const its = await counter.session(headOf(incoming))
      response.end(its === undefined ? 'nobody' : counter.setCookies(its).join())
    })
    expect((await get(port, '/mine', navigation(cookie))).body).toBe(
      counter.setCookies(session).join(),
    )
  })

  it('says at start what it cannot do, and refuses to list', async () => {
    const { counter, events } = await sealedCounter()
    expect(counter.limits.map(({ limit }) => limit)).toEqual([
      'no_sign_out_everywhere',
      'copies_outlive_sign_out',
    ])
    expect(events.filter(({ type }) => type === 'counter.limit')).toHaveLength(2)
    await expect(counter.listSessions('x')).rejects.toMatchObject({ code: 'sessions_not_listed' })
    await expect(counter.endSessions('x')).rejects.toMatchObject({ code: 'sessions_not_listed' })
    expect(await counter.sweep()).toBe(0)
    const { counter: usual } = await sealedCounter({ sessions: { store: memoryStore() } })
    expect(usual.limits).toEqual([])
    const { counter: foreign } = await sealedCounter({
      sessions: { store: memoryStore() },
      cookie: { sameSite: 'none' },
    })
    expect(foreign.limits.map(({ limit }) => limit)).toEqual(['sent_by_foreign_pages'])
  })

  it.each<[string, CounterSessionsOptions, string | undefined, RegExp]>([
    [
      'a scope that asks for refresh tokens',
      { kind: 'sealed-cookie' },
      'openid offline_access',
      /signIn\.scope \(offline_access\)/,
    ],
    [
      'an overflow into nothing',
      { kind: 'sealed-cookie', overflow: 'store' },
      undefined,
      /needs sessions\.store/,
    ],
    [
      'refresh tokens beside a store',
      { kind: 'sealed-cookie', refreshTokens: 'single-process', store: memoryStore() },
      undefined,
      /whoever has a store uses kind: ticket/,
    ],
    ['an unknown kind', { kind: 'cookie' } as never, undefined, /sessions\.kind \(cookie\)/],
    ['no store for tickets', {} as never, undefined, /sessions\.store is missing/],
  ])('T-SEAL-05 refuses %s', async (_, sessions, scope, words) => {
    const refused = sealedCounter({
      sessions,
      ...(scope === undefined ? {} : { signIn: { scope } }),
    })
    await expect(refused).rejects.toThrow(words)
    await expect(refused).rejects.toBeInstanceOf(CoatcheckError)
  })

  it('refuses a path and a budget that cannot work', async () => {
    const cookie = { path: '/app', headerBudgetBytes: 100 } as never
    const refused = sealedCounter({ cookie })
    await expect(refused).rejects.toThrow(/cookie\.path \(\/app\) must be \//)
    await expect(refused).rejects.toThrow(/cookie\.headerBudgetBytes \(100\)/)
  })
})
