import { describe, expect, it } from 'vitest'
import { manualClock, tokenSet } from '../../../../test/support/session-fixture.ts'
import { Secret } from '../core/secret.ts'
import { createProvider } from '../provider/provider.ts'
import { createReloadableKeyRing } from '../ring/reloadable-key-ring.ts'
import { generateKeyRing } from '../ring/ring-file.ts'
import { addKey, forgetKey, promoteKey } from '../ring/rotation.ts'
import { createSessions } from '../sessions/sessions.ts'
import { memoryStore } from '../sessions/stores/memory.ts'
import { createCounter } from './counter.ts'
import type { CounterOptions } from './options.ts'

const ORIGIN = 'https://app.example.com'
const WWW = 'https://www.example.com'
const ISSUER = 'https://idp.example'

async function setUp(changes: Partial<CounterOptions> = {}) {
  const { clock, pass } = manualClock()
  const disk = { file: generateKeyRing({ clock }) }
  const ring = createReloadableKeyRing({ read: () => disk.file, clock })
  const store = memoryStore({ clock })
  const options: CounterOptions = {
    origin: ORIGIN,
    provider: createProvider({
      issuer: ISSUER,
      clientId: 'app',
      clientSecret: new Secret('a secret for this test'),
    }),
    ring,
    sessions: { store },
    apis: [{ path: '/api/', upstream: 'https://api.example/' }],
    clock,
    ...changes,
  }
  const counter = createCounter(options)
  const sessions = createSessions({
    ...{ site: ORIGIN, issuer: ISSUER, clientId: 'app', ring, store, clock },
  })
  const signIn = async () => {
    const set = tokenSet({ issuer: ISSUER, clientId: 'app', accessTokenExpiresAt: clock() + 1e9 })
    const { ticket, session } = await sessions.create({ tokenSet: set })
    return { session, cookie: `__Host-Http-coatcheck=${ticket}` }
  }
  const ask = async (
    method: string,
    target: string,
    headers: Readonly<Record<string, string>>,
    via: 'handle' | 'upgrade' = 'handle',
  ) => {
    const flat = Object.entries({ host: 'app.example.com', ...headers }).flat()
    const outcome = await counter[via]({ method, target, headers: flat, encrypted: true })
    if (outcome.kind === 'forward') {
      const { path, use, answerHeaders } = outcome.forward
      return { went: path, use, headers: answerHeaders(['content-type', 'text/csv']) }
    }
    if (outcome.kind !== 'respond') return { went: outcome.kind, headers: [] as string[] }
    const { status, headers: own, body = '{}' } = outcome.answer
    const json = status === 204 ? {} : JSON.parse(body)
    return { status, code: json.code, body: json, headers: [...own] }
  }
  return { counter, clock, pass, signIn, ask, disk, ring, sessions }
}

const headerOf = (headers: readonly string[], name: string): string | undefined =>
  headers[headers.indexOf(name) + 1]

const FORM = {
  origin: ORIGIN,
  'sec-fetch-site': 'same-origin',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-dest': 'document',
}

describe('plain HTML forms', () => {
  it('T-GUARD-06 reach an API with a token of their session, which does not travel on', async () => {
    const { counter, signIn, ask } = await setUp()
    const { session, cookie } = await signIn()
    const token = counter.formToken(session)
    const sent = await ask('POST', `/api/orders?a=1&coatcheck-form=${token}&b=2`, {
      ...FORM,
      cookie,
    })
    expect(sent).toMatchObject({ went: '/orders?a=1&b=2' })
    const byHeader = await ask('POST', '/api/orders', {
      ...FORM,
      cookie,
      'x-coatcheck-form': token,
    })
    expect(byHeader).toMatchObject({ went: '/orders' })
    // Another page of the same person, and one that was loaded before: each has its own token, and all are good.
    const again = counter.formToken(session)
    expect(again).not.toBe(token)
    for (const each of [token, again]) {
      expect(
        await ask('POST', `/api/x?coatcheck-form=${each}`, { ...FORM, cookie }),
      ).toHaveProperty('went')
    }
  })

  it('T-GUARD-06 reach nothing without, with another session’s, or from another site', async () => {
    const { counter, signIn, ask } = await setUp()
    const [ada, grace] = [await signIn(), await signIn()]
    const own = counter.formToken(ada.session)
    const post = (query: string, headers: Readonly<Record<string, string>> = {}) =>
      ask('POST', `/api/x${query}`, { ...FORM, cookie: ada.cookie, ...headers })
    expect(await post('')).toMatchObject({ status: 403 })
    const foreign = [
      counter.formToken(grace.session),
      `${own.slice(0, -1)}${own.endsWith('A') ? 'B' : 'A'}`,
      own.slice(0, 71),
      `${own}A`,
      '',
      'x'.repeat(72),
    ]
    for (const token of foreign) {
      expect(await post(`?coatcheck-form=${token}`), token).toMatchObject({
        code: 'form_token_refused',
      })
    }
    // Twice is nowhere.
    expect(await post(`?coatcheck-form=${own}&coatcheck-form=${own}`)).toMatchObject({
      status: 403,
    })
    for (const headers of [
      { origin: 'https://evil.test', 'sec-fetch-site': 'cross-site' },
      { origin: 'null' },
      { origin: WWW, 'sec-fetch-site': 'same-site' },
      { 'sec-fetch-dest': 'iframe' },
    ]) {
      expect(await post(`?coatcheck-form=${own}`, headers)).toMatchObject({ status: 403 })
    }
    // A token is no link: nothing that only reads takes it.
    const read = { cookie: ada.cookie, 'sec-fetch-site': 'same-origin' }
    expect(await ask('GET', `/api/x?coatcheck-form=${own}`, read)).toMatchObject({
      code: 'header_required',
    })
  })

  it('T-GUARD-06 keep their token over touch, renewal and rotation of the ring, as long as the session', async () => {
    const { counter, signIn, ask, disk, ring, clock, pass } = await setUp()
    const { session, cookie } = await signIn()
    const token = counter.formToken(session)
    const [first = { id: '' }] = disk.file.keys
    disk.file = promoteKey(addKey(disk.file, { clock }), { clock, reloadSeconds: 0 })
    ring.reload()
    pass(600_000)
    const post = () => ask('POST', `/api/x?coatcheck-form=${token}`, { ...FORM, cookie })
    expect(await post()).toHaveProperty('went')
    disk.file = forgetKey(disk.file, first.id)
    ring.reload()
    expect(counter.checkForm(session, token)).toBe(false)
    expect(counter.checkForm(session, counter.formToken(session))).toBe(true)
  })

  it('learn their token from the session’s address', async () => {
    const { counter, signIn, ask } = await setUp()
    const { session, cookie } = await signIn()
    const page = { cookie, 'sec-fetch-site': 'same-origin' }
    const { body } = await ask('GET', '/auth/session?form-token', page)
    expect(counter.checkForm(session, String(body?.formToken))).toBe(true)
    const unasked = await ask('GET', '/auth/session', page)
    expect(unasked.body).toMatchObject({ state: 'signed_in' })
    expect(unasked.body).not.toHaveProperty('formToken')
  })
})

describe('links', () => {
  const READ = { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'no-cors' }

  it('stand in for the header, for images, media, downloads and streams', async () => {
    const { counter, signIn, ask } = await setUp()
    const { session, cookie } = await signIn()
    const follow = (headers: Readonly<Record<string, string>>) =>
      ask('GET', counter.link(session, '/api/report.csv?year=2026'), {
        ...READ,
        cookie,
        ...headers,
      })
    for (const destination of ['image', 'audio', 'video', 'track', 'empty']) {
      const got = await follow({ 'sec-fetch-dest': destination })
      expect(got, destination).toMatchObject({ went: '/report.csv?year=2026', use: 'api' })
      expect(headerOf(got.headers, 'referrer-policy')).toBe('no-referrer')
      expect(headerOf(got.headers, 'content-security-policy')).toContain('sandbox')
    }
    const shown = await follow({ 'sec-fetch-dest': 'document', 'sec-fetch-mode': 'navigate' })
    expect(shown).toMatchObject({ use: 'download' })
    expect(headerOf(shown.headers, 'content-disposition')).toBe('attachment')
    expect(await follow({ accept: 'text/event-stream' })).toMatchObject({ use: 'events' })
    // A browser that sends no evidence at all: nobody else can have written the address.
    const bare = await ask('GET', counter.link(session, '/api/x'), { cookie })
    expect(bare).toMatchObject({ went: '/x' })
  })

  it('open a WebSocket that no route lists, from our own pages', async () => {
    const { counter, signIn, ask } = await setUp()
    const { session, cookie } = await signIn()
    const headers = { cookie, origin: ORIGIN, connection: 'Upgrade', upgrade: 'websocket' }
    const socket = (link: string, extra = {}) =>
      ask('GET', link, { ...headers, ...extra }, 'upgrade')
    const link = () => counter.link(session, '/api/live')
    expect(await socket(link())).toMatchObject({ went: '/live', use: 'socket' })
    expect(await socket('/api/live')).toMatchObject({ code: 'route_unknown' })
    expect(await socket(link(), { origin: 'https://evil.test' })).toMatchObject({ status: 403 })
  })

  it('are good once, or as often as is said, and no longer than is said', async () => {
    const { counter, signIn, ask, pass } = await setUp()
    const { session, cookie } = await signIn()
    const follow = (link: string) =>
      ask('GET', link, { ...READ, cookie, 'sec-fetch-dest': 'image' })
    const once = counter.link(session, '/api/x')
    const race = await Promise.all(Array.from({ length: 20 }, () => follow(once)))
    expect(race.filter((each) => 'went' in each)).toHaveLength(1)
    expect(race.filter((each) => 'code' in each && each.code === 'link_over')).toHaveLength(19)
    const thrice = counter.link(session, '/api/x', { uses: 3 })
    const uses = await Promise.all(Array.from({ length: 5 }, () => follow(thrice)))
    expect(uses.filter((each) => 'went' in each)).toHaveLength(3)
    const late = counter.link(session, '/api/x', { seconds: 10, uses: 2 })
    pass(9_999)
    expect(await follow(late)).toHaveProperty('went')
    pass(1)
    expect(await follow(late)).toMatchObject({ code: 'link_over' })
  })

  it('T-GUARD-03 are good for their session, method and address alone, and not for other sites', async () => {
    const { counter, signIn, ask } = await setUp()
    const [ada, grace] = [await signIn(), await signIn()]
    const link = () => counter.link(ada.session, '/api/report?year=2026', { uses: 9 })
    const follow = (
      target: string,
      headers: Readonly<Record<string, string>> = {},
      method = 'GET',
    ) => ask(method, target, { ...READ, 'sec-fetch-dest': 'image', cookie: ada.cookie, ...headers })
    for (const changed of [
      link().replace('2026', '2027'),
      link().replace('report', 'reports'),
      link().replace('?year', '?x=1&year'),
      link().replace(/\.9$/, '.99'),
      link().replace(/\.\d{13}\./, '.9999999999999.'),
      link().replace(/=[\w-]{9}/, '=AAAAAAAAA'),
      `${link()}&more=1`,
    ]) {
      expect(await follow(changed), changed).toMatchObject({ code: 'link_refused' })
    }
    expect(await follow(link(), { cookie: grace.cookie })).toMatchObject({ code: 'link_refused' })
    expect(await follow(link(), { cookie: '' })).toMatchObject({ status: 401 })
    expect(await follow(link(), {}, 'HEAD')).toMatchObject({ code: 'link_refused' })
    expect(await follow(link(), { origin: ORIGIN }, 'POST')).toMatchObject({ status: 403 })
    for (const headers of [
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { origin: 'https://evil.test' },
      ...['script', 'iframe', 'worker', 'style', 'object'].map((dest) => ({
        'sec-fetch-dest': dest,
      })),
    ]) {
      expect(await follow(link(), headers), JSON.stringify(headers)).toMatchObject({ status: 403 })
    }
    for (const bad of [
      { seconds: 0 },
      { seconds: 4000 },
      { uses: 0 },
      { uses: 1.5 },
      { uses: 101 },
    ]) {
      expect(() => counter.link(ada.session, '/api/x', bad)).toThrow(RangeError)
    }
    for (const odd of ['api/x', '//evil.test/', '/api/x#y', '/api/../x']) {
      expect(() => counter.link(ada.session, odd)).toThrow(RangeError)
    }
  })

  it('are made for pages that have no server, by a request of theirs', async () => {
    const { signIn, ask } = await setUp()
    const { cookie } = await signIn()
    const make = (query: string, origin = ORIGIN) =>
      ask('POST', `/auth/link?${query}`, { cookie, origin, 'sec-fetch-mode': 'cors' })
    const { body } = await make(
      `for=${encodeURIComponent('/api/report?year=2026')}&seconds=30&uses=2`,
    )
    const image = { ...READ, cookie, 'sec-fetch-dest': 'image' }
    expect(await ask('GET', String(body?.link), image)).toMatchObject({ went: '/report?year=2026' })
    expect(await make('for=/auth/session')).toMatchObject({ code: 'path_refused' })
    expect(await make('for=//evil.test/')).toMatchObject({ code: 'path_refused' })
    expect(await make('for=/api/x&uses=9999')).toMatchObject({ code: 'selection_refused' })
    expect(await make('for=/api/x', 'https://evil.test')).toMatchObject({ status: 403 })
    expect(await ask('GET', '/auth/link?for=/api/x', { cookie })).toMatchObject({ status: 405 })
  })
})

describe('pages of other origins', () => {
  const CALL = { origin: WWW, 'sec-fetch-site': 'same-site', 'x-coatcheck': '1' }
  const PREFLIGHT = { origin: WWW, 'access-control-request-method': 'PUT' }

  it('T-GUARD-04 may call when they are listed, exactly, with a preflight that is answered here', async () => {
    const { signIn, ask } = await setUp({
      allowedOrigins: [WWW],
      cors: { headers: ['x-tenant'], exposedHeaders: ['X-Total'] },
    })
    const { cookie } = await signIn()
    const preflight = await ask('OPTIONS', '/api/orders', PREFLIGHT)
    expect(preflight.status).toBe(204)
    expect(headerOf(preflight.headers, 'access-control-allow-origin')).toBe(WWW)
    expect(headerOf(preflight.headers, 'access-control-allow-credentials')).toBe('true')
    expect(headerOf(preflight.headers, 'access-control-allow-methods')).toContain('PUT')
    expect(headerOf(preflight.headers, 'access-control-allow-headers')).toMatch(
      /x-coatcheck.*x-tenant/,
    )
    expect(headerOf(preflight.headers, 'access-control-max-age')).toBe('7200')
    expect(headerOf(preflight.headers, 'vary')).toBe('origin')
    const call = await ask('GET', '/api/orders', { ...CALL, cookie })
    expect(call).toMatchObject({ went: '/orders' })
    expect(headerOf(call.headers, 'access-control-allow-origin')).toBe(WWW)
    expect(headerOf(call.headers, 'access-control-expose-headers')).toBe('x-total')
    expect(headerOf(call.headers, 'vary')).toBe('origin')
    // Refusals can be read too, or a page would not know what is wrong.
    const refused = await ask('GET', '/api/orders', CALL)
    expect(refused).toMatchObject({ code: 'signed_out' })
    expect(headerOf(refused.headers, 'access-control-allow-origin')).toBe(WWW)
    expect(
      await ask('POST', '/auth/sign-out', { ...CALL, 'sec-fetch-mode': 'cors', cookie }),
    ).toMatchObject({
      status: 200,
    })
  })

  it('T-GUARD-04 get nothing when they are not listed, whatever they look like', async () => {
    const { signIn, ask } = await setUp({ allowedOrigins: [WWW] })
    const { cookie } = await signIn()
    for (const origin of [
      'null',
      '*',
      'https://evil.test',
      'https://www.example.com.evil.test',
      'https://evilwww.example.com',
      'http://www.example.com',
      'https://www.example.com:444',
      'https://WWW.example.com',
      'https://www.example.com.',
      'https://sub.www.example.com',
      `${WWW}, ${WWW}`,
    ]) {
      for (const answer of [
        await ask('OPTIONS', '/api/x', { ...PREFLIGHT, origin }),
        await ask('GET', '/api/x', { ...CALL, origin, cookie }),
        await ask('GET', '/auth/session', { ...CALL, origin, cookie }),
      ]) {
        expect(answer, origin).toMatchObject({ code: 'cross_site_refused' })
        expect(answer.headers).not.toContain('access-control-allow-origin')
        expect(answer.headers).toContain('vary')
      }
    }
    const own = await ask('GET', '/api/x', { ...CALL, origin: ORIGIN, cookie })
    expect(own.headers).not.toContain('access-control-allow-origin')
  })

  it('T-GUARD-04 do not exist by default: no preflight, no Vary, no header', async () => {
    const { signIn, ask } = await setUp()
    const { cookie } = await signIn()
    const preflight = await ask('OPTIONS', '/api/x', PREFLIGHT)
    expect(preflight.status).toBe(405)
    const call = await ask('GET', '/api/x', { origin: ORIGIN, 'x-coatcheck': '1', cookie })
    expect([...preflight.headers, ...call.headers].join()).not.toMatch(/access-control|vary/)
  })

  it.each([
    ['*', /allowedOrigins\[0\] \(\*\) must be/],
    ['https://*.example.com', /must be scheme, host/],
    ['https://www.example.com/', /must be scheme, host/],
    ['https://WWW.example.com', /must be scheme, host/],
    ['null', /must be scheme, host/],
    [ORIGIN, /is this site itself/],
    ['https://app.example.org', /is another site than/],
    ['http://www.example.com', /is another site than/],
  ])('T-GUARD-04 are refused at start when they can never work: %s', async (allowed, words) => {
    await expect(setUp({ allowedOrigins: [allowed] })).rejects.toThrow(words)
  })

  it('may be of another site only where the cookie goes there', async () => {
    const cookie = { sameSite: 'none' } as const
    const { counter } = await setUp({ allowedOrigins: ['https://partner.test'], cookie })
    expect(counter.limits.map(({ limit }) => limit)).toContain('sent_by_foreign_pages')
  })
})
