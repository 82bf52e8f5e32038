import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import {
  BINDING,
  CANARIES,
  manualClock,
  newRing,
  START,
  tokenSet,
} from '../../../../test/support/session-fixture.ts'
import { decodeBase64url, encodeBase64url } from '../core/bytes.ts'
import { CoatcheckError } from '../core/errors.ts'
import { restoreVerifiedTokenSet } from '../tokens/restore-verified.ts'
import { tokenSetData } from '../tokens/verified-token-set.ts'
import type { SessionEvent } from './events.ts'
import type { SessionStore } from './session-store.ts'
import { createSessions, type Session, type Sessions, type SessionsOptions } from './sessions.ts'
import { memoryStore } from './stores/memory.ts'

const MINUTE = 60_000

function setUp(options: Partial<SessionsOptions> = {}) {
  const { clock, pass } = manualClock()
  const calls: string[] = []
  const store = counted(memoryStore({ clock }), calls)
  const events: SessionEvent[] = []
  const ring = newRing()
  const make = (): Sessions =>
    createSessions({
      ...BINDING,
      ring,
      store,
      clock,
      onEvent: (event) => events.push(event),
      ...options,
    })
  return { sessions: make(), another: make, store, clock, pass, calls, events, ring }
}

// The real store, and beside it a list of what was asked of it.
function counted(store: SessionStore, calls: string[]): SessionStore {
  const entries = Object.entries(store).map(([name, method]) => [
    name,
    (...parameters: unknown[]) => {
      calls.push(name)
      return method(...parameters)
    },
  ])
  return Object.fromEntries(entries) as SessionStore
}

async function opened(sessions: Sessions, ticket: string): Promise<Session> {
  const loaded = await sessions.load(ticket)
  if (!loaded.ok) throw new Error(loaded.reason)
  return loaded.session
}

describe('createSessions', () => {
  it('loads what it created, in this process and in another', async () => {
    const { sessions, another } = setUp()
    const { ticket, session } = await sessions.create({ tokenSet: tokenSet() })
    for (const process of [sessions, another()]) {
      const found = await opened(process, ticket)
      expect(found.id).toBe(session.id)
      expect(found.tokenSet.accessToken).toBe(CANARIES.accessToken)
      expect(found.tokenSet.refreshToken).toBe(CANARIES.refreshToken)
      expect(found.tokenSet.idToken).toBe(CANARIES.idToken)
      expect(found.tokenSet.claims).toEqual(tokenSet().claims)
      expect(found.tokenSet.accessTokenExpiresAt).toBe(START + 300_000)
      expect(found.createdAt).toBe(START)
      expect(found.idleEndsAt).toBe(START + 1800_000)
      expect(found.absoluteEndsAt).toBe(START + 43_200_000)
    }
  })

  it('keeps sets without refresh token, ID token, lifetime or scope', async () => {
    const { sessions, another } = setUp()
    const { accessToken, issuer, clientId, subject } = tokenSet()
    const { ticket } = await sessions.create({
      tokenSet: restoreVerifiedTokenSet({
        issuer,
        clientId,
        subject,
        accessToken,
        tokenType: 'Bearer',
        accessTokenKind: 'opaque',
        claims: { sub: 'grün', nested: { list: [1, null, 'x'] } },
      }),
    })
    const found = await opened(another(), ticket)
    expect(Object.keys(tokenSetData(found.tokenSet)).toSorted()).toEqual(
      [
        'accessToken',
        'accessTokenKind',
        'claims',
        'clientId',
        'issuer',
        'subject',
        'tokenType',
      ].toSorted(),
    )
    expect(found.tokenSet.claims).toEqual({ sub: 'grün', nested: { list: [1, null, 'x'] } })
  })

  it('T-SESSION-02 makes a new session at each sign-in', async () => {
    const { sessions } = setUp()
    const made = await Promise.all(
      Array.from({ length: 200 }, () => sessions.create({ tokenSet: tokenSet() })),
    )
    expect(new Set(made.map(({ ticket }) => ticket)).size).toBe(200)
    expect(new Set(made.map(({ session }) => session.id)).size).toBe(200)
  })

  it('T-SESSION-02 never takes up a ticket that it did not make', async () => {
    const { sessions, calls } = setUp()
    const planted = encodeBase64url(new Uint8Array(48).fill(7))
    expect(await sessions.load(planted)).toEqual({ ok: false, reason: 'unknown' })
    const { ticket } = await sessions.create({ tokenSet: tokenSet() })
    expect(ticket).not.toBe(planted)
    expect(await sessions.load(planted)).toEqual({ ok: false, reason: 'unknown' })
    expect(calls.filter((name) => name === 'insert').length).toBe(1)
  })

  it('T-SESSION-01 opens with the whole ticket only, cached or not', async () => {
    const { sessions, another } = setUp()
    const { ticket } = await sessions.create({ tokenSet: tokenSet() })
    const forged = decodeBase64url(ticket)?.slice() ?? new Uint8Array(0)
    forged[47] = (forged[47] ?? 0) ^ 1
    for (const process of [sessions, another()]) {
      expect(await process.load(encodeBase64url(forged))).toEqual({
        ok: false,
        reason: 'tampered',
      })
      await opened(process, ticket)
      expect((await process.load(encodeBase64url(forged))).ok).toBe(false)
    }
  })

  it('calls garbage malformed without asking the store', async () => {
    const { sessions, calls } = setUp()
    for (const value of ['', 'x', 'ü', 'A'.repeat(63), 'A'.repeat(65), '='.repeat(64)]) {
      expect(await sessions.load(value)).toEqual({ ok: false, reason: 'malformed' })
    }
    expect(calls).toEqual([])
  })

  it('T-SESSION-04 ends by idleness, however often it is only looked at', async () => {
    const { sessions, pass } = setUp({ idleSeconds: 600 })
    const { ticket } = await sessions.create({ tokenSet: tokenSet() })
    for (let round = 0; round < 599; round += 1) {
      pass(1000)
      await opened(sessions, ticket)
    }
    pass(1000)
    expect((await sessions.load(ticket)).ok).toBe(false)
  })

  it('T-SESSION-04 lives on while it is used, and ends at its absolute end', async () => {
    const { sessions, pass, clock } = setUp({ idleSeconds: 600, absoluteSeconds: 3600 })
    const { ticket } = await sessions.create({ tokenSet: tokenSet() })
    for (let minute = 1; minute < 60; minute += 1) {
      pass(MINUTE)
      const touched = await sessions.touch(await opened(sessions, ticket))
      expect(touched?.absoluteEndsAt).toBe(START + 3600_000)
      expect(touched?.idleEndsAt).toBe(Math.min(clock() + 600_000, START + 3600_000))
    }
    pass(MINUTE)
    expect((await sessions.load(ticket)).ok).toBe(false)
  })

  it('T-SESSION-04 decides itself where a store keeps what is over', async () => {
    const { clock, pass } = manualClock()
    // A store whose own clock is behind gives everything back.
    const late = createSessions({
      ...BINDING,
      ring: newRing(),
      store: memoryStore({ clock: () => START }),
      clock,
      idleSeconds: 600,
      absoluteSeconds: 900,
    })
    const one = await late.create({ tokenSet: tokenSet() })
    pass(599_999)
    await opened(late, one.ticket)
    pass(1)
    expect(await late.load(one.ticket)).toEqual({ ok: false, reason: 'idle_timeout' })
    expect(await late.load(one.ticket)).toEqual({ ok: false, reason: 'unknown' })
    const two = await late.create({ tokenSet: tokenSet() })
    pass(900_000)
    expect(await late.load(two.ticket)).toEqual({ ok: false, reason: 'absolute_timeout' })
  })

  it('T-SESSION-04 gives remembered sessions lifetimes of their own, which a renewal keeps', async () => {
    const { sessions, another, pass } = setUp({
      idleSeconds: 600,
      absoluteSeconds: 1200,
      remembered: { idleSeconds: 6000, absoluteSeconds: 12_000 },
      renew: async () => ({ kind: 'renewed', tokenSet: tokenSet({ accessToken: 'renewed' }) }),
    })
    const usual = await sessions.create({ tokenSet: tokenSet() })
    const { ticket } = await sessions.create({
      tokenSet: tokenSet({ accessTokenExpiresAt: START + 601_000 }),
      remembered: true,
    })
    pass(601_000)
    expect((await sessions.load(usual.ticket)).ok).toBe(false)
    const remembered = await opened(another(), ticket)
    expect(remembered.idleEndsAt).toBe(START + 6_000_000)
    expect(remembered.absoluteEndsAt).toBe(START + 12_000_000)
    // A tenth of its own window: sooner than that nothing is written.
    pass(1000)
    expect((await sessions.touch(remembered))?.idleEndsAt).toBe(START + 602_000 + 6_000_000)
    const current = await opened(sessions, ticket)
    expect((await sessions.accessToken(current)).ok).toBe(true)
    expect((await opened(another(), ticket)).absoluteEndsAt).toBe(START + 12_000_000)
    pass(11_398_000)
    expect((await another().load(ticket)).ok).toBe(false)
  })

  it('T-SESSION-04 shortens sessions at once when the configuration does', async () => {
    const { store, ring, clock, pass, sessions } = setUp()
    const { ticket } = await sessions.create({ tokenSet: tokenSet() })
    const strict = createSessions({
      ...BINDING,
      ring,
      store,
      clock,
      idleSeconds: 60,
      absoluteSeconds: 120,
    })
    expect((await opened(strict, ticket)).absoluteEndsAt).toBe(START + 120_000)
    pass(60_000)
    expect(await strict.load(ticket)).toEqual({ ok: false, reason: 'idle_timeout' })
  })

  it('writes a touch after a tenth of the idle time only', async () => {
    const { sessions, pass, calls } = setUp({ idleSeconds: 1000 })
    const { ticket } = await sessions.create({ tokenSet: tokenSet() })
    const touches = () => calls.filter((name) => name === 'touch').length
    for (let second = 1; second <= 99; second += 1) {
      pass(1000)
      await sessions.touch(await opened(sessions, ticket))
    }
    expect(touches()).toBe(0)
    pass(1000)
    await sessions.touch(await opened(sessions, ticket))
    expect(touches()).toBe(1)
    await sessions.touch(await opened(sessions, ticket))
    expect(touches()).toBe(1)
  })

  it('reads the store at each load, so that an ending elsewhere counts at once', async () => {
    const { sessions, another, calls } = setUp()
    const { ticket } = await sessions.create({ tokenSet: tokenSet() })
    await opened(sessions, ticket)
    const before = calls.length
    await opened(sessions, ticket)
    expect(calls.slice(before)).toEqual(['get'])
    const elsewhere = another()
    await elsewhere.end(await opened(elsewhere, ticket), 'signed_out')
    expect(await sessions.load(ticket)).toEqual({ ok: false, reason: 'unknown' })
  })

  it('ends once, and nothing brings the session back', async () => {
    const { sessions, pass } = setUp()
    const { ticket } = await sessions.create({ tokenSet: tokenSet() })
    const session = await opened(sessions, ticket)
    expect(await sessions.end(session, 'signed_out')).toBe(true)
    expect(await sessions.end(session, 'signed_out')).toBe(false)
    pass(5 * MINUTE)
    expect(await sessions.touch(session)).toBeUndefined()
    expect(await sessions.load(ticket)).toEqual({ ok: false, reason: 'unknown' })
  })

  it('revokes the refresh token where it is asked to, and no other', async () => {
    const revoked: string[] = []
    const revoke = async (token: string) => void revoked.push(token)
    const { sessions } = setUp({ revoke })
    const one = await sessions.create({ tokenSet: tokenSet({ refreshToken: 'one' }) })
    const two = await sessions.create({ tokenSet: tokenSet({ refreshToken: 'two' }) })
    await sessions.end(one.session, 'signed_out', { revoke: true })
    await sessions.end(two.session, 'replaced')
    expect(revoked).toEqual(['one'])
  })

  it('is signed out even if the provider does not answer, and says so in an event', async () => {
    const revoke = async () => {
      throw new CoatcheckError('provider_unavailable')
    }
    const { sessions, events } = setUp({ revoke })
    const { ticket, session } = await sessions.create({ tokenSet: tokenSet() })
    expect(await sessions.end(session, 'signed_out', { revoke: true })).toBe(true)
    expect((await sessions.load(ticket)).ok).toBe(false)
    expect(events.at(-1)).toEqual({
      type: 'session.revocation_failed',
      session: session.shortId,
      code: 'provider_unavailable',
    })
  })

  it('sweeps what is over and tells of each', async () => {
    const { sessions, pass, events } = setUp()
    for (let index = 0; index < 5; index += 1) await sessions.create({ tokenSet: tokenSet() })
    pass(1800_000)
    expect(await sessions.sweep(3)).toBe(3)
    expect(await sessions.sweep(3)).toBe(2)
    expect(events.filter(({ type }) => type === 'session.ended').length).toBe(5)
  })

  it('T-SESSION-01 shows no secret in events, sessions and errors', async () => {
    const { sessions, pass, events, ring, store, clock } = setUp()
    const { ticket, session } = await sessions.create({
      tokenSet: tokenSet(),
      userAgent: 'agent',
    })
    const found = await opened(sessions, ticket)
    const touched = await sessions.touch(found)
    pass(1800_000)
    await sessions.load(ticket)
    await sessions.sweep(10)
    const failing = createSessions({
      ...BINDING,
      ring,
      clock,
      store: {
        ...store,
        get: () => {
          throw new Error(`no row for ${CANARIES.accessToken} ${ticket}`)
        },
      },
    })
    const error = await Promise.resolve(failing.load(ticket)).catch((thrown: unknown) => thrown)
    const values = [events, session, found, touched, sessions, error]
    const shown = values
      .map((value) => inspect(value, { depth: 12, showHidden: false }) + JSON.stringify(value))
      .join('\n')
    expect(events.length).toBeGreaterThan(1)
    for (const secret of [
      ticket,
      ticket.slice(22),
      CANARIES.accessToken,
      CANARIES.refreshToken,
      CANARIES.idToken,
    ]) {
      expect(shown).not.toContain(secret)
    }
    expect(JSON.stringify(events)).not.toContain(session.id)
  })

  it('never takes a store that fails for a session that ended', async () => {
    const { store, ring, clock, pass, sessions, events } = setUp()
    const { ticket, session } = await sessions.create({ tokenSet: tokenSet() })
    const down = async (): Promise<never> => {
      throw new Error('connection lost')
    }
    pass(MINUTE * 5)
    for (const name of ['get', 'touch', 'delete', 'insert', 'sweep'] as const) {
      const broken = createSessions({ ...BINDING, ring, clock, store: { ...store, [name]: down } })
      const work = {
        get: () => broken.load(ticket),
        touch: () => broken.touch(session),
        delete: () => broken.end(session, 'signed_out'),
        insert: () => broken.create({ tokenSet: tokenSet() }),
        sweep: () => broken.sweep(10),
      }[name]
      await expect(work(), name).rejects.toMatchObject({
        code: 'store_unavailable',
        status: 503,
        retryAfterSeconds: 2,
      })
    }
    expect(events.map(({ type }) => type)).toEqual(['session.created'])
    await opened(sessions, ticket)
  })

  it('takes a store that is an instance of a class', async () => {
    const { ring, clock } = setUp()
    const inner = memoryStore({ clock })
    const prototype = Object.fromEntries(
      Object.entries(inner).map(([name, method]) => [
        name,
        function (this: { readonly mark: string }, ...parameters: unknown[]) {
          if (this.mark !== 'mine') throw new Error('lost its this')
          return method(...parameters)
        },
      ]),
    )
    const store = Object.assign(Object.create(prototype), { mark: 'mine' }) as SessionStore
    const sessions = createSessions({ ...BINDING, ring, clock, store })
    const { ticket } = await sessions.create({ tokenSet: tokenSet() })
    await opened(sessions, ticket)
  })

  it('accepts no session that it did not open', async () => {
    const { sessions } = setUp()
    const { session } = await sessions.create({ tokenSet: tokenSet() })
    const copy = { ...session }
    await expect(sessions.end(copy, 'signed_out', { revoke: true })).rejects.toThrow()
    expect(Object.isFrozen(session)).toBe(true)
  })

  it('keeps a bounded number of opened sessions, and opens the others anew', async () => {
    const { sessions } = setUp({ openedCacheEntries: 3 })
    const tickets: string[] = []
    for (let index = 0; index < 10; index += 1)
      tickets.push((await sessions.create({ tokenSet: tokenSet() })).ticket)
    for (const ticket of [...tickets, ...tickets]) await opened(sessions, ticket)
  })
})
