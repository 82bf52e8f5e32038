import { describe, expect, it } from 'vitest'
import { rotatingProvider } from '../../../../test/support/rotating-provider.ts'
import {
  BINDING,
  manualClock,
  newRing,
  tokenSet,
} from '../../../../test/support/session-fixture.ts'
import type { SessionEvent } from './events.ts'
import type { SessionStore } from './session-store.ts'
import { createSessions, type Session, type Sessions, type SessionsOptions } from './sessions.ts'
import { memoryStore } from './stores/memory.ts'

const ALMOST_OVER_MS = 280_000
const OVER_MS = 300_000
const turn = () => new Promise((resolve) => setImmediate(resolve))

function setUp(options: Partial<SessionsOptions> = {}, wrap = (store: SessionStore) => store) {
  const { clock, pass } = manualClock()
  const store = wrap(memoryStore({ clock }))
  const ring = newRing()
  const provider = rotatingProvider(clock)
  const events: SessionEvent[] = []
  const revoked: string[] = []
  let processes = 0
  const start = (changes: Partial<SessionsOptions> = {}): Sessions => {
    processes += 1
    return createSessions({
      ...BINDING,
      ring,
      store,
      clock,
      processName: `p${processes}`,
      renew: provider.renew,
      revoke: async (token) => void revoked.push(token),
      onEvent: (event) => events.push(event),
      ...options,
      ...changes,
    })
  }
  return { start, store, clock, pass, provider, events, revoked }
}

async function signIn(sessions: Sessions): Promise<string> {
  return (await sessions.create({ tokenSet: tokenSet({ refreshToken: 'refresh-0' }) })).ticket
}

async function opened(sessions: Sessions, ticket: string): Promise<Session> {
  const loaded = await sessions.load(ticket)
  if (!loaded.ok) throw new Error(loaded.reason)
  return loaded.session
}

async function ask(sessions: Sessions, ticket: string) {
  return sessions.accessToken(await opened(sessions, ticket))
}

/** Counts what a store is asked. */
function counting(counts: Record<string, number>, changes: Partial<SessionStore> = {}) {
  return (store: SessionStore): SessionStore => {
    const acquireLease: SessionStore['acquireLease'] = (id, ms) => {
      counts.acquireLease = (counts.acquireLease ?? 0) + 1
      return store.acquireLease(id, ms)
    }
    return { ...store, acquireLease, ...changes }
  }
}

describe('renewal over processes', () => {
  it('T-RENEW-01 wakes those who wait where the store notifies, without polling', async () => {
    const counts: Record<string, number> = {}
    const { start, pass, provider } = setUp({}, counting(counts))
    const [one, other] = [start(), start()]
    const ticket = await signIn(one)
    pass(OVER_MS)
    const open = provider.hold()
    const first = ask(one, ticket)
    while (provider.asked.length === 0) await turn()
    const second = ask(other, ticket)
    await new Promise((resolve) => setTimeout(resolve, 120))
    open()
    expect(await first).toMatchObject({ accessToken: 'access-1' })
    expect(await second).toMatchObject({ accessToken: 'access-1' })
    expect(provider.asked).toEqual(['refresh-0'])
    // One try each: 120 ms of polls would have been six or more.
    expect(counts.acquireLease).toBe(2)
  })

  it('T-RENEW-01 polls where it does not, and no more often than each 10 ms', async () => {
    const counts: Record<string, number> = {}
    const withoutNotices = (store: SessionStore): SessionStore => {
      const { subscribe: _, ...rest } = counting(counts)(store)
      return rest
    }
    const { start, pass, provider } = setUp({}, withoutNotices)
    const [one, other] = [start(), start()]
    const ticket = await signIn(one)
    pass(OVER_MS)
    const open = provider.hold()
    const first = ask(one, ticket)
    while (provider.asked.length === 0) await turn()
    const began = performance.now()
    const second = ask(other, ticket)
    await new Promise((resolve) => setTimeout(resolve, 120))
    open()
    expect(await first).toMatchObject({ accessToken: 'access-1' })
    expect(await second).toMatchObject({ accessToken: 'access-1' })
    expect(provider.asked).toEqual(['refresh-0'])
    const most = 2 + (performance.now() - began) / 10
    expect(counts.acquireLease).toBeGreaterThan(2)
    expect(counts.acquireLease).toBeLessThanOrEqual(most)
  })

  it('T-RENEW-04 tells a failure to all who waited, in every process, and repeats it for none', async () => {
    const { start, pass, provider } = setUp()
    const processes = [start(), start(), start(), start()]
    const ticket = await signIn(processes[0] as Sessions)
    pass(OVER_MS)
    provider.answers.push({ kind: 'not_spent', retryAfterSeconds: 7, why: 'status_503' })
    const open = provider.hold()
    const answers = processes.flatMap((process) =>
      Array.from({ length: 20 }, () => ask(process, ticket)),
    )
    while (provider.asked.length === 0) await turn()
    open()
    for (const answer of await Promise.all(answers)) {
      expect(answer).toMatchObject({ reason: 'renewal_unavailable', retryAfterSeconds: 7 })
    }
    expect(provider.asked).toEqual(['refresh-0'])
    // One that starts later knows it from the record.
    expect(await ask(start(), ticket)).toMatchObject({ retryAfterSeconds: 7 })
    pass(7000)
    expect(await ask(start(), ticket)).toMatchObject({ accessToken: 'access-1' })
  })

  it('T-RENEW-04 waits longer after each failure, and soon again after a success', async () => {
    const { start, pass, provider } = setUp()
    const sessions = start()
    const ticket = await signIn(sessions)
    pass(OVER_MS)
    for (let round = 0; round < 4; round += 1) {
      provider.answers.push({ kind: 'not_spent', why: 'not_reached' })
      await ask(sessions, ticket)
      const asked = provider.asked.length
      pass(370 * 2 ** round)
      await ask(sessions, ticket)
      expect(provider.asked.length, 'too early').toBe(asked)
      pass(260 * 2 ** round)
    }
    expect(await ask(sessions, ticket)).toMatchObject({ ok: true })
    pass(OVER_MS)
    provider.answers.push({ kind: 'not_spent', why: 'not_reached' })
    await ask(sessions, ticket)
    pass(630)
    expect(await ask(sessions, ticket)).toMatchObject({ ok: true })
  })

  it('T-RENEW-04 leaves a provider alone that says 429, for every session of this process', async () => {
    const { start, pass, provider, events } = setUp()
    const sessions = start()
    const tickets = [await signIn(sessions), await signIn(sessions), await signIn(sessions)]
    pass(OVER_MS)
    provider.answers.push({ kind: 'not_spent', everyone: true, retryAfterSeconds: 9 })
    for (const ticket of tickets) {
      expect(await ask(sessions, ticket)).toMatchObject({
        reason: 'renewal_unavailable',
        retryAfterSeconds: 9,
      })
    }
    expect(provider.asked.length).toBe(1)
    expect(events).toContainEqual({ type: 'renewal.paused', seconds: 9 })
    pass(9000)
    for (const ticket of tickets) expect(await ask(sessions, ticket)).toMatchObject({ ok: true })
    expect(events.some(({ type }) => type === 'renewal.resumed')).toBe(true)
  })

  it('T-RENEW-04 does not let two hundred sessions hammer a dead provider', async () => {
    const { start, pass, provider } = setUp()
    const sessions = start()
    const tickets: string[] = []
    for (let index = 0; index < 200; index += 1) tickets.push(await signIn(sessions))
    pass(OVER_MS)
    for (let index = 0; index < 1000; index += 1) {
      provider.answers.push({ kind: 'not_spent', why: 'not_reached' })
    }
    for (const ticket of tickets) await ask(sessions, ticket)
    expect(provider.asked.length).toBe(10)
    pass(2000)
    for (const ticket of tickets) await ask(sessions, ticket)
    expect(provider.asked.length).toBe(11)
  })

  it('lets nobody wait longer than a second while the old token is good', async () => {
    const { start, pass, provider } = setUp()
    const sessions = start()
    const ticket = await signIn(sessions)
    pass(ALMOST_OVER_MS)
    const open = provider.hold()
    const began = performance.now()
    const answer = await ask(sessions, ticket)
    expect(performance.now() - began).toBeGreaterThan(900)
    expect(answer).toMatchObject({ ok: true })
    expect(answer.ok && answer.accessToken.startsWith('access-')).toBe(false)
    open()
    while ((await opened(sessions, ticket)).tokenSet.refreshToken === 'refresh-0') await turn()
    expect(await ask(sessions, ticket)).toMatchObject({ accessToken: 'access-1' })
    expect(provider.asked.length).toBe(1)
  })

  it('T-RENEW-03 takes no mark for a spent token that its own writing could not confirm', async () => {
    let failures = 0
    const { start, pass, provider } = setUp({}, (store) => ({
      ...store,
      // Written, and the connection is cut before the store can say so.
      replace: async (session, version) => {
        const done = await store.replace(session, version)
        failures += 1
        if (failures === 1) throw new Error('connection reset')
        return done
      },
    }))
    const [one, other] = [start(), start()]
    const ticket = await signIn(one)
    pass(OVER_MS)
    await expect(ask(one, ticket)).rejects.toMatchObject({ code: 'store_unavailable' })
    expect(provider.asked).toEqual([])
    expect(await ask(other, ticket)).toMatchObject({ accessToken: 'access-1' })
    expect(provider.asked).toEqual(['refresh-0'])
  })

  it('T-RENEW-03 counts an answer as kept whose writing was done but not confirmed', async () => {
    let writes = 0
    const { start, pass, provider, events, revoked } = setUp({}, (store) => ({
      ...store,
      replace: async (session, version) => {
        const done = await store.replace(session, version)
        writes += 1
        if (writes === 2) throw new Error('connection reset')
        return done
      },
    }))
    const sessions = start()
    const ticket = await signIn(sessions)
    pass(OVER_MS)
    expect(await ask(sessions, ticket)).toMatchObject({ accessToken: 'access-1' })
    expect(events.filter(({ type }) => type === 'session.renewed').length).toBe(1)
    expect((await opened(start(), ticket)).tokenSet.refreshToken).toBe('refresh-1')
    expect([provider.asked, revoked]).toEqual([['refresh-0'], []])
  })

  it('T-RENEW-01 does not take a mark of a clock that is ahead for one within the grace', async () => {
    const { start, clock, pass, provider } = setUp({ refreshReuseGraceSeconds: 10 })
    const ahead = start({ clock: () => clock() + 60_000 })
    const ticket = await signIn(start())
    pass(OVER_MS)
    provider.hold()
    void ask(ahead, ticket)
    while (provider.asked.length === 0) await turn()
    pass(31_000)
    expect(await ask(start(), ticket)).toEqual({ ok: false, reason: 'access_token_expired' })
    expect(provider.asked).toEqual(['refresh-0'])
  })
})

describe('renewal history', () => {
  it('says when, by which process, and what came of it, ten at most', async () => {
    const { start, pass, provider, clock } = setUp({ idleSeconds: 43_200 })
    const [one, other] = [start(), start()]
    const ticket = await signIn(one)
    pass(OVER_MS)
    provider.answers.push({ kind: 'not_spent', retryAfterSeconds: 1, why: 'status_503' })
    const began = clock()
    await ask(one, ticket)
    pass(1000)
    await ask(other, ticket)
    const [listed] = await one.list(tokenSet().subject)
    expect(listed?.renewals).toEqual([
      { at: began, by: 'p1', outcome: 'not_spent', why: 'status_503' },
      { at: began + 1000, by: 'p2', outcome: 'renewed' },
    ])
    for (let index = 0; index < 15; index += 1) {
      pass(OVER_MS)
      await ask(one, ticket)
    }
    const [later] = await one.list(tokenSet().subject)
    expect(later?.renewals.length).toBe(10)
    expect(later?.renewals.at(-1)?.at).toBe(clock())
  })

  it('goes along with the end: why was I signed out?', async () => {
    const { start, pass, provider, events } = setUp()
    const sessions = start()
    const ticket = await signIn(sessions)
    pass(OVER_MS)
    provider.answers.push({ kind: 'refused', why: 'invalid_grant' })
    expect(await ask(sessions, ticket)).toEqual({ ok: false, reason: 'signed_out' })
    expect(events.at(-1)).toMatchObject({
      type: 'session.ended',
      reason: 'renewal_refused',
      subject: tokenSet().subject,
      renewals: [{ by: 'p1', outcome: 'refused', why: 'invalid_grant' }],
    })
  })

  it('tells of a refresh token that a dead process may have spent', async () => {
    const { start, pass, provider, events } = setUp()
    const [dying, other] = [start(), start()]
    const ticket = await signIn(dying)
    pass(OVER_MS)
    provider.hold()
    void ask(dying, ticket)
    while (provider.asked.length === 0) await turn()
    pass(31_000)
    await ask(other, ticket)
    const [listed] = await other.list(tokenSet().subject)
    expect(listed?.renewals).toMatchObject([
      { by: 'p2', outcome: 'given_up', why: 'no_answer_recorded' },
    ])
    expect(events.at(-1)).toMatchObject({ type: 'session.renewal_failed', reason: 'given_up' })
  })
})
