import { getHeapSnapshot, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { cookieJar } from '../../../../test/support/cookie-jar.ts'
import { rotatingProvider } from '../../../../test/support/rotating-provider.ts'
import {
  BINDING,
  manualClock,
  newRing,
  tokenSet,
} from '../../../../test/support/session-fixture.ts'
import { sessionCookie } from '../cookies/session-cookie.ts'
import { encodeBase64url } from '../core/bytes.ts'
import { systemRandom } from '../core/random.ts'
import { createBrowserSessions } from '../counter/session-kinds.ts'
import type { BrowserSessions } from './browser-sessions.ts'
import { createEndedSessions } from './ended-sessions.ts'
import type { SessionEvent } from './events.ts'
import { createKeptSessions, stateOf } from './kept-sessions.ts'
import { createLifetimes } from './lifetimes.ts'
import { createSealedSessions, type SealedSessionsOptions } from './sealed-sessions.ts'
import { createSessions } from './sessions.ts'
import { memoryStore } from './stores/memory.ts'
import { createTicketSessions } from './ticket-sessions.ts'

const NAME = '__Host-Http-coatcheck'
const IDLE_MS = 1_800_000
const DUE_MS = 280_000

function site() {
  const { clock, pass } = manualClock()
  const provider = rotatingProvider(clock)
  const events: SessionEvent[] = []
  const ring = newRing()
  const attributes = { secure: true, httpOnly: true, sameSite: 'Strict', path: '/' } as const
  const start = (changes: Partial<SealedSessionsOptions> = {}): BrowserSessions =>
    createSealedSessions({
      ...BINDING,
      ring,
      name: NAME,
      attributes,
      clock,
      random: systemRandom,
      renew: provider.renew,
      revoke: async () => {},
      onEvent: (event) => events.push(event),
      ...changes,
    })
  const store = memoryStore({ clock })
  const tickets = (random = systemRandom) =>
    createTicketSessions({
      sessions: createSessions({ ...BINDING, ring, store, clock, random }),
      name: NAME,
      attributes,
    })
  return { clock, pass, provider, events, ring, start, store, tickets }
}
const single = { refreshTokens: 'single-process' } as const
const chunky = () => tokenSet({ idToken: encodeBase64url(systemRandom(4000)) })
const crowd = (header: string, bytes = 5000) => `${header}; other=${'x'.repeat(bytes)}`

let signIns = 0
async function signedIn(sessions: BrowserSessions, changes: Parameters<typeof tokenSet>[0] = {}) {
  const page = cookieJar()
  signIns += 1
  const set = tokenSet({ refreshToken: `refresh of sign-in ${signIns}`, ...changes })
  const { setCookies, session } = await sessions.create({ tokenSet: set }, undefined)
  page.set(setCookies)
  return { page, session }
}
async function found(sessions: BrowserSessions, header: string) {
  const reading = await sessions.read(header)
  if (!reading.ok) throw new Error(reading.reason)
  return reading.session
}
async function visit(sessions: BrowserSessions, header: string) {
  const touched = await sessions.touch(await found(sessions, header))
  if (touched === undefined) throw new Error('ended')
  return sessions.setCookies(touched)
}
async function call(sessions: BrowserSessions, header: string) {
  const reading = await sessions.read(header)
  if (!reading.ok) return { token: reading.reason, setCookies: [] as readonly string[] }
  const touched = await sessions.touch(reading.session)
  if (touched === undefined) return { token: 'ended', setCookies: [] as readonly string[] }
  const access = await sessions.accessToken(touched)
  if (!access.ok) return { token: access.reason, setCookies: [] as readonly string[] }
  return { token: access.accessToken, setCookies: sessions.setCookies(access.session) }
}
const pause = (ms = 5) => new Promise((resolve) => setTimeout(resolve, ms))

describe('createSealedSessions, moved into the store', () => {
  it('T-SEAL-04 a copy that was moved into the store before sign-out is over with it', async () => {
    const { start, pass, tickets } = site()
    const sessions = start({ tickets: tickets() })
    const { page } = await signedIn(sessions)
    const copy = page.header()
    pass(IDLE_MS / 2)
    const thief = cookieJar()
    thief.set(await visit(sessions, crowd(copy, 7000)))
    expect(thief.cookies.get(NAME)).toHaveLength(64)
    await sessions.end(await found(sessions, copy), 'signed_out', { revoke: true })
    expect((await sessions.read(thief.header())).ok).toBe(false)
  })

  it('T-SEAL-04 a move under way does not revive what was signed out meanwhile', async () => {
    const { start, pass, tickets } = site()
    const inner = tickets()
    let open = () => {}
    const gate = new Promise<void>((resolve) => {
      open = resolve
    })
    const slow = {
      ...inner,
      adopt: async (c: never) => {
        await gate
        return inner.adopt(c)
      },
    }
    const sessions = start({ tickets: slow })
    const { page } = await signedIn(sessions)
    pass(IDLE_MS / 2)
    const header = crowd(page.header(), 7000)
    const session = await found(sessions, page.header())
    const running = visit(sessions, header)
    await pause()
    await sessions.end(session, 'signed_out', { revoke: true })
    page.set(sessions.clear(page.header()))
    open()
    page.set(await running.catch(() => []))
    expect((await sessions.read(page.header())).ok).toBe(false)
  })

  it('one session makes one session in the store, whatever stands beside its cookie', async () => {
    const { start, pass, tickets, events } = site()
    const sessions = start({ tickets: tickets() })
    const { page } = await signedIn(sessions)
    pass(IDLE_MS / 2)
    for (let n = 0; n < 50; n += 1) {
      const junk = `${NAME}-${String(n).padStart(12, '0')}-0=x`
      await visit(sessions, crowd(`${page.header()}; ${junk}`, 7000))
    }
    expect(events.filter(({ type }) => type === 'session.moved')).toHaveLength(1)
  })

  it('a dead ticket that begins with the byte 1 does not hide the chunks beside it', async () => {
    const { start, tickets } = site()
    const sessions = start({ tickets: tickets() })
    const page = cookieJar()
    page.set((await sessions.create({ tokenSet: chunky() }, undefined)).setCookies)
    expect(page.cookies.size).toBe(2)
    const ticket = (first: number) => encodeBase64url(new Uint8Array([first, ...systemRandom(47)]))
    const reading = async (first: number) =>
      (await sessions.read(`${page.header()}; ${NAME}=${ticket(first)}`)).ok
    expect([await reading(2), await reading(1)]).toEqual([true, true])
  })
})

describe('createSealedSessions, two people at one browser', () => {
  it('T-SESSION-02 the session of who was there before does not come back when the newer one is gone', async () => {
    const { start, pass } = site()
    const settings = { remembered: {}, rememberSeconds: 2_592_000 }
    const [here, elsewhere] = [start(settings), start(settings)]
    const page = cookieJar()
    const anna = {
      ...tokenSet(),
      accessToken: tokenSet().accessToken,
      subject: 'anna',
      claims: { sub: 'anna' },
      refreshToken: undefined,
      idToken: undefined,
    }
    const first = await here.create(
      { tokenSet: tokenSet(anna as never), remembered: true },
      undefined,
    )
    page.set(first.setCookies)
    pass(1000)
    // Ben signs in over it, without being remembered; what the callback does:
    const former = await found(here, page.header())
    const ben = await here.create(
      { tokenSet: tokenSet({ idToken: encodeBase64url(systemRandom(3000)) }) },
      page.header(),
    )
    expect(ben.setCookies.length).toBeGreaterThan(1)
    await here.end(former, 'replaced', { revoke: true })
    page.set(ben.setCookies)
    expect((await found(here, page.header())).tokenSet.subject).not.toBe('anna')
    // The browser closes: what has no Max-Age goes.
    const kept = [...page.cookies].filter(([name]) => name === NAME)
    const header = kept.map(([n, v]) => `${n}=${v}`).join('; ')
    const reading = await elsewhere.read(header)
    expect(reading.ok ? reading.session.tokenSet.subject : 'nobody').toBe('nobody')
  })
})

describe('createSealedSessions, renewed at bad moments', () => {
  it('T-RENEW-04 a cookie set while the provider was asked does not cost a refresh token that was never spent', async () => {
    const { start, pass, provider } = site()
    const sessions = start(single)
    const { page } = await signedIn(sessions)
    const { page: other } = await signedIn(sessions, {
      accessTokenExpiresAt: 1_700_000_000_000 + 430_000,
    })
    pass(DUE_MS + 21_000) // the access token is over
    provider.answers.push({ kind: 'not_spent', why: 'status_503' })
    const open = provider.hold()
    const running = call(sessions, page.header())
    await pause()
    page.set(await visit(sessions, page.header())) // a page beside it
    open()
    expect((await running).token).toBe('renewal_unavailable')
    await visit(sessions, page.header())
    pass(125_000) // coffee; somebody else renews
    await call(sessions, other.header())
    expect((await call(sessions, page.header())).token).toMatch(/^access-/)
  })

  it('T-SEAL-05 never sends a spent token again: a clock that was ahead for a while', async () => {
    const { start, pass, provider } = site()
    const sessions = start(single)
    const { page } = await signedIn(sessions)
    const { page: other } = await signedIn(sessions, {
      accessTokenExpiresAt: 1_700_000_000_000 + 480_000,
    })
    pass(600_000) // the clock jumps ahead, a page is visited, the clock comes back
    page.set(await visit(sessions, page.header()))
    const old = page.header()
    pass(-600_000 + DUE_MS)
    page.set((await call(sessions, old)).setCookies)
    expect((await call(sessions, page.header())).token).toBe('access-1')
    pass(180_000)
    await call(sessions, other.header()) // lets go what was seen long ago
    await call(sessions, old)
    expect(provider.asked.filter((each, index) => provider.asked.indexOf(each) !== index)).toEqual(
      [],
    )
  })

  it('T-SEAL-05 never sends a spent token again: read, renewed, touched', async () => {
    const { start, pass, provider } = site()
    const sessions = start(single)
    const { page } = await signedIn(sessions)
    const { page: other } = await signedIn(sessions, {
      accessTokenExpiresAt: 1_700_000_000_000 + 480_000,
    })
    pass(DUE_MS)
    const session = await found(sessions, page.header())
    const successor = (await call(sessions, page.header())).setCookies
    const late = cookieJar()
    const touched = await sessions.touch(session)
    late.set(touched === undefined ? [] : sessions.setCookies(touched))
    page.set(successor)
    expect((await call(sessions, page.header())).token).toBe('access-1')
    pass(180_000)
    await call(sessions, other.header())
    await call(sessions, late.header())
    expect(provider.asked.filter((each, index) => provider.asked.indexOf(each) !== index)).toEqual(
      [],
    )
  })

  it('a session that did not fit once is set again when it does', async () => {
    const { start, pass, provider, clock } = site()
    const sessions = start(single)
    const { page } = await signedIn(sessions)
    pass(DUE_MS)
    provider.answers.push({
      kind: 'renewed',
      tokenSet: tokenSet({
        accessToken: encodeBase64url(systemRandom(9000)),
        accessTokenKind: 'opaque',
        refreshToken: 'r-big',
        accessTokenReceivedAt: clock(),
        accessTokenExpiresAt: clock() + 300_000,
      }),
    })
    expect((await call(sessions, page.header())).setCookies).toEqual([])
    pass(DUE_MS + 15_000)
    const again = await call(sessions, page.header())
    expect(again.token).toBe('access-1')
    expect(again.setCookies).toHaveLength(1)
  })

  it('an answer sets the tokens that it just renewed, not those of the renewal before', async () => {
    const { start, pass } = site()
    const sessions = start({ ...single, idleSeconds: 1_209_600, absoluteSeconds: 2_592_000 })
    const { page } = await signedIn(sessions)
    const { page: other } = await signedIn(sessions, {
      accessTokenExpiresAt: 1_700_000_000_000 + 470_000,
    })
    const old = page.header()
    pass(DUE_MS)
    page.set((await call(sessions, old)).setCookies)
    await call(sessions, page.header())
    pass(170_000)
    await call(sessions, other.header())
    pass(DUE_MS - 170_000)
    const now = await call(sessions, page.header())
    expect(now.token).toBe('access-3')
    page.set(now.setCookies)
    const late = await call(sessions, old) // a request that was queued, or a lost answer
    expect(late.token).toBe('access-3')
    const jar = cookieJar()
    jar.set(late.setCookies)
    const restarted = await call(start(single), jar.header())
    expect(restarted.token).toBe('access-3')
  })
})

describe('createSealedSessions, what stays in memory', () => {
  it('forgets what would be over before what would still open', () => {
    const { clock, pass } = manualClock()
    const ended = createEndedSessions(clock, 3)
    ended.add('remembered', 'signed_out', clock() + 30 * 86_400_000)
    for (const id of ['a', 'b']) ended.add(id, 'signed_out', clock() + 1000)
    pass(2000) // a and b would be over
    ended.add('c', 'signed_out', clock() + 1000)
    expect(ended.reasonOf('remembered')).toBe('signed_out')
  })

  it('T-COOKIE-06 keeps nothing of a request’s other cookies', async () => {
    const { start } = site()
    const sessions = start()
    const { page } = await signedIn(sessions)
    const canary = ['CANARY', 'of-another', 'app'].join('-')
    // As node:http gives it: one flat string.
    await sessions.read(
      Buffer.from(`theirs=${canary}-${systemRandom(8).join('')}; ${page.header()}`).toString(
        'latin1',
      ),
    )
    setFlagsFromString('--expose-gc')
    runInNewContext('gc')()
    let text = ''
    for await (const part of getHeapSnapshot()) text += part
    expect(text.split(`theirs=${canary}`).length - 1).toBe(0)
    expect(sessions).toBeDefined()
  })

  it('made-up cookies beside one’s own do not fill it', async () => {
    const { start } = site()
    const sessions = start()
    const { page } = await signedIn(sessions)
    setFlagsFromString('--expose-gc')
    const gc = runInNewContext('gc')
    gc()
    const before = process.memoryUsage().heapUsed
    const COUNT = 1000
    for (let n = 0; n < COUNT; n += 1) {
      let junk = ''
      for (let k = 0; k < 280; k += 1)
        junk += `; ${NAME}-${(n * 1000 + k).toString(36).padStart(12, '0')}-0=`
      await sessions.read(Buffer.from(page.header() + junk).toString('latin1'))
    }
    gc()
    const perEntry = (process.memoryUsage().heapUsed - before) / COUNT
    expect(perEntry).toBeLessThan(20_000)
    expect(sessions).toBeDefined()
  })

  it('one browser of a working day does not fill it', async () => {
    const { start, pass } = site()
    const sessions = start()
    const { page } = await signedIn(sessions)
    setFlagsFromString('--expose-gc')
    const gc = runInNewContext('gc')
    const flat = () => Buffer.from(crowd(page.header(), 1000)).toString('latin1')
    page.set(await visit(sessions, flat()))
    gc()
    const before = process.memoryUsage().heapUsed
    for (let n = 0; n < 200; n += 1) {
      pass(IDLE_MS / 10)
      page.set(await visit(sessions, flat()))
    }
    gc()
    const kb = (process.memoryUsage().heapUsed - before) / 1024
    expect(kb).toBeLessThan(400)
    expect(sessions).toBeDefined()
  })
})

describe('createSealedSessions, once more', () => {
  it('T-COOKIE-06 keeps nothing of a header whose cookie does not open', async () => {
    const { start } = site()
    const sessions = start()
    const canary = ['CONTROL', 'of-another', 'app'].join('-')
    await sessions.read(
      Buffer.from(
        `theirs=${canary}-${systemRandom(8).join('')}; ${NAME}=${'A'.repeat(3000)}`,
      ).toString('latin1'),
    )
    setFlagsFromString('--expose-gc')
    runInNewContext('gc')()
    let text = ''
    for await (const part of getHeapSnapshot()) text += part
    expect(text.split(`theirs=${canary}`).length - 1).toBe(0)
    expect(sessions).toBeDefined()
  })

  it('T-SEAL-04 keeps no token of a session that was signed out', async () => {
    const { start, pass, clock } = site()
    const canary = ['spent', 'canary', 'token'].join('~')
    const sessions = start({
      ...single,
      renew: async () => ({
        kind: 'renewed',
        tokenSet: tokenSet({
          accessToken: `${canary}-access`,
          accessTokenKind: 'opaque',
          refreshToken: `${canary}-refresh`,
          accessTokenReceivedAt: clock(),
          accessTokenExpiresAt: clock() + 300_000,
        }),
      }),
    })
    let header = (await signedIn(sessions)).page.header()
    pass(DUE_MS)
    await call(sessions, header)
    await sessions.end(await found(sessions, header), 'signed_out', { revoke: true })
    header = ''
    setFlagsFromString('--expose-gc')
    runInNewContext('gc')()
    let text = ''
    for await (const part of getHeapSnapshot()) text += part
    expect(text.split(`${canary}-refresh`).length - 1).toBe(0)
    expect(sessions).toBeDefined()
  })

  it('what was moved into the store and ended there does not go on under its old cookie', async () => {
    const { start, pass, tickets } = site()
    const inner = tickets()
    const sessions = start({ tickets: inner })
    const { page } = await signedIn(sessions)
    const old = page.header()
    pass(IDLE_MS / 2)
    page.set(await visit(sessions, crowd(old, 7000)))
    expect(await inner.list?.endAll(tokenSet().subject, 'ended_by_operator', {})).toBe(1)
    const reading = await sessions.read(old)
    const touched = reading.ok ? await sessions.touch(reading.session) : undefined
    const access = touched === undefined ? undefined : await sessions.accessToken(touched)
    expect([touched === undefined, access?.ok ?? false]).toEqual([true, false])
  })

  it('T-RENEW-04 takes a renewal that spent nothing for nothing else', async () => {
    const { start, pass, provider, events } = site()
    const sessions = start(single)
    const { page } = await signedIn(sessions)
    const { page: other } = await signedIn(sessions, {
      accessTokenExpiresAt: 1_700_000_000_000 + 430_000,
    })
    pass(DUE_MS + 21_000)
    provider.answers.push({ kind: 'not_spent', why: 'status_503' })
    const open = provider.hold()
    const running = call(sessions, page.header())
    await pause()
    page.set(await visit(sessions, page.header()))
    open()
    await running
    await visit(sessions, page.header())
    pass(125_000)
    await call(sessions, other.header())
    await call(sessions, page.header())
    expect(
      events.filter((e) => e.type === 'session.renewal_failed').map((e) => 'why' in e && e.why),
    ).toEqual(['status_503'])
  })

  it('a random source that fails after a renewal loses nothing', async () => {
    const { start, pass, provider } = site()
    let fails = false
    const sessions = start({
      ...single,
      random: (n) => {
        if (fails) throw new Error('no entropy')
        return systemRandom(n)
      },
    })
    const { page } = await signedIn(sessions)
    pass(DUE_MS)
    const session = await found(sessions, page.header())
    fails = true
    // Nonces are drawn ahead: it may get through all the same.
    await Promise.allSettled([(async () => sessions.accessToken(session))()])
    fails = false
    expect((await call(sessions, page.header())).token).toBe('access-1')
    expect(provider.asked).toHaveLength(1)
  })

  it('T-COOKIE-04 hostile headers throw nothing', async () => {
    const { start, tickets } = site()
    const sessions = start({ tickets: tickets() })
    const { page } = await signedIn(sessions)
    const parts = [
      NAME,
      '=',
      ';',
      ' ',
      '\t',
      '-',
      `${NAME}-000000000000-0=2`,
      `${NAME}-000000000000-1=x`,
      page.header(),
      'A'.repeat(64),
      'AQ'.repeat(32),
      '\u0000',
      '\u00ff',
      '\ud800',
      '"',
      '9',
      '[{"name":',
    ]
    let seed = 7
    const next = (n: number) => {
      seed = (seed * 1103515245 + 12345) % 2147483648
      return seed % n
    }
    for (let n = 0; n < 3000; n += 1) {
      const header = Array.from({ length: next(9) }, () => parts[next(parts.length)]).join('')
      const reading = await sessions.read(header)
      if (reading.ok) await sessions.touch(reading.session)
      sessions.clear(header)
      if (n % 20 === 0) await sessions.twins(header)
    }
  })
})

describe('createSealedSessions, and its parts', () => {
  it('lets go of successors that were seen before those that nobody has yet', async () => {
    const { clock, pass } = manualClock()
    const kept = createKeptSessions({
      lifetimes: createLifetimes({}),
      clock,
      ended: createEndedSessions(clock),
      onEnded: () => {},
      maxEntries: 10,
    })
    const state = (n: number) =>
      stateOf({
        id: `session-${n}`,
        sealedAt: clock(),
        createdAt: clock(),
        absoluteEndsAt: clock() + 43_200_000,
        tokenSet: tokenSet({ refreshToken: `old-${n}` }),
      })
    const first = Array.from({ length: 13 }, (_, n) => state(n))
    const renew = async (n: number) => {
      const one = first[n] ?? state(n)
      return kept.write(one, { ...one.contents, tokenSet: tokenSet({ refreshToken: `new-${n}` }) })
    }
    for (let n = 0; n < 10; n += 1) await renew(n)
    // Eight and nine are seen, the others' answers were lost.
    for (const n of [8, 9])
      kept.newest({
        ...(first[n] ?? state(n)),
        contents: { ...state(n).contents, tokenSet: tokenSet({ refreshToken: `new-${n}` }) },
      })
    pass(121_000)
    for (const n of [10, 11]) await renew(n)
    const unseen = [0, 1, 2, 3].map(
      (n) => kept.newest(first[n] ?? state(n)).contents.tokenSet.refreshToken,
    )
    expect(unseen).toEqual(['new-0', 'new-1', 'new-2', 'new-3'])
  })

  it.each(
    [
      { store: memoryStore() },
      { kind: 'sealed-cookie', refreshTokens: 'single-process' } as const,
    ].flatMap(
      (settings) =>
        [
          [false, settings],
          [true, settings],
        ] as const,
    ),
  )(
    'a provider that is an instance of a class renews (control, bound: %s)',
    async (bound, settings) => {
      const asked: string[] = []
      class Traced {
        issuer = BINDING.issuer
        clientId = BINDING.clientId
        refreshReuseGraceSeconds = 0
        asked = asked
        async renew({ refreshToken }: { refreshToken: string }) {
          this.asked.push(refreshToken)
          return {
            kind: 'renewed',
            tokenSet: tokenSet({
              accessToken: 'new',
              refreshToken: 'r2',
              accessTokenExpiresAt: Date.now() + 300_000,
            }),
          }
        }
        async revoke() {}
        constructor() {
          if (bound) this.renew = this.renew.bind(this)
        }
      }
      const ring = newRing()
      const sessions = createBrowserSessions(
        { origin: BINDING.site, provider: new Traced() as never, ring, sessions: settings },
        {
          store: memoryStore(),
          cookie: sessionCookie(BINDING.site, {}),
          clock: Date.now,
          random: systemRandom,
          onEvent: () => {},
        },
      )
      const page = cookieJar()
      page.set(
        (
          await sessions.create(
            {
              tokenSet: tokenSet({
                accessTokenReceivedAt: Date.now() - 290_000,
                accessTokenExpiresAt: Date.now() + 10_000,
              }),
            },
            undefined,
          )
        ).setCookies,
      )
      expect((await call(sessions, page.header())).token).toBe('new')
    },
  )

  it('T-SEAL-05 old and newer cookie of one session at once, and twenty of each: one request', async () => {
    const { start, pass, provider } = site()
    const sessions = start(single)
    const { page } = await signedIn(sessions)
    const old = page.header()
    pass(200_000)
    page.set(await visit(sessions, old))
    pass(DUE_MS - 200_000)
    const open = provider.hold()
    const calls = Array.from({ length: 40 }, (_, n) => call(sessions, n % 2 ? old : page.header()))
    await pause()
    open()
    expect(new Set((await Promise.all(calls)).map(({ token }) => token))).toEqual(
      new Set(['access-1']),
    )
    expect(provider.asked).toHaveLength(1)
  })

  it('T-SEAL-05 sign-out while a renewal is under way, from another cookie of the session; nothing opens, the new token is revoked', async () => {
    const { start, pass, provider } = site()
    const revoked: string[] = []
    const sessions = start({ ...single, revoke: async (token) => void revoked.push(token) })
    const { page } = await signedIn(sessions)
    const old = page.header()
    pass(200_000)
    page.set(await visit(sessions, old))
    pass(DUE_MS - 200_000)
    const open = provider.hold()
    const running = call(sessions, page.header())
    await pause()
    await sessions.end(await found(sessions, old), 'signed_out', { revoke: true })
    open()
    expect((await running).token).toBe('signed_out')
    expect(revoked).toContain('refresh-1')
    expect((await sessions.read(page.header())).ok || (await sessions.read(old)).ok).toBe(false)
  })

  it('a store that fails while a session moves costs one answer', async () => {
    const { start, pass, tickets } = site()
    const inner = tickets()
    let down = true
    const flaky = {
      ...inner,
      adopt: async (c: never) => {
        if (down) throw new Error('down')
        return inner.adopt(c)
      },
    }
    const sessions = start({ tickets: flaky })
    const { page } = await signedIn(sessions)
    pass(IDLE_MS / 2)
    const header = crowd(page.header(), 7000)
    const all = await Promise.allSettled([visit(sessions, header), visit(sessions, header)])
    expect(all.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    await pause()
    down = false
    expect((await visit(sessions, header)).length).toBeGreaterThan(0)
  })
})
