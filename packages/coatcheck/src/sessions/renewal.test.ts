import { describe, expect, it } from 'vitest'
import { rotatingProvider } from '../../../../test/support/rotating-provider.ts'
import {
  BINDING,
  manualClock,
  newRing,
  tokenSet,
} from '../../../../test/support/session-fixture.ts'
import { CoatcheckError } from '../core/errors.ts'
import { restoreVerifiedTokenSet } from '../tokens/restore-verified.ts'
import { tokenSetData, withoutRefreshToken } from '../tokens/verified-token-set.ts'
import type { SessionEvent } from './events.ts'
import type { SessionStore } from './session-store.ts'
import { createSessions, type Session, type Sessions, type SessionsOptions } from './sessions.ts'
import { memoryStore } from './stores/memory.ts'

function setUp(options: Partial<SessionsOptions> = {}, wrapStore = (store: SessionStore) => store) {
  const { clock, pass } = manualClock()
  const store = wrapStore(memoryStore({ clock }))
  const ring = newRing()
  const provider = rotatingProvider(clock)
  const events: SessionEvent[] = []
  const revoked: string[] = []
  const make = (): Sessions =>
    createSessions({
      ...BINDING,
      ring,
      store,
      clock,
      renew: provider.renew,
      revoke: async (token) => void revoked.push(token),
      onEvent: (event) => events.push(event),
      ...options,
    })
  return { sessions: make(), another: make, store, pass, provider, events, revoked }
}

async function signedIn(sessions: Sessions): Promise<{ ticket: string; session: Session }> {
  return sessions.create({ tokenSet: tokenSet({ refreshToken: 'refresh-0' }) })
}

async function opened(sessions: Sessions, ticket: string): Promise<Session> {
  const loaded = await sessions.load(ticket)
  if (!loaded.ok) throw new Error(loaded.reason)
  return loaded.session
}

async function ask(sessions: Sessions, ticket: string) {
  return sessions.accessToken(await opened(sessions, ticket))
}

const ALMOST_OVER_MS = 280_000
const OVER_MS = 300_000
const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('accessToken', () => {
  it('gives the token without asking the provider while it lasts', async () => {
    const { sessions, pass, provider } = setUp()
    const { ticket } = await signedIn(sessions)
    pass(269_999)
    expect(await ask(sessions, ticket)).toMatchObject({ ok: true })
    expect(provider.asked).toEqual([])
  })

  it('renews half a minute before the end, and keeps the successor for good', async () => {
    const { sessions, another, pass, provider, events } = setUp()
    const { ticket } = await signedIn(sessions)
    // Up to a quarter of the half minute is jitter.
    pass(277_500)
    expect(await ask(sessions, ticket)).toMatchObject({ ok: true, accessToken: 'access-1' })
    expect(await ask(sessions, ticket)).toMatchObject({ ok: true, accessToken: 'access-1' })
    const elsewhere = await opened(another(), ticket)
    expect(elsewhere.tokenSet.refreshToken).toBe('refresh-1')
    expect(elsewhere.version).toBe(3)
    expect(provider.asked).toEqual(['refresh-0'])
    expect(events.at(-1)?.type).toBe('session.renewed')
  })

  it('renews a short token in the second half of its life only', async () => {
    const { sessions, pass, provider, another } = setUp()
    const short = tokenSet({ accessTokenExpiresAt: 1_700_000_020_000 })
    const { ticket } = await sessions.create({ tokenSet: short })
    pass(9_999)
    await ask(another(), ticket)
    expect(provider.asked.length).toBe(0)
    pass(2_501)
    await ask(another(), ticket)
    expect(provider.asked.length).toBe(1)
  })

  it('asks once for a hundred callers in one process, provider and store alike', async () => {
    let leases = 0
    const { sessions, pass, provider } = setUp({}, (store) => ({
      ...store,
      acquireLease: (id, ms) => {
        leases += 1
        return store.acquireLease(id, ms)
      },
    }))
    const { ticket } = await signedIn(sessions)
    pass(ALMOST_OVER_MS)
    const session = await opened(sessions, ticket)
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => sessions.accessToken(session)),
    )
    expect(provider.asked).toEqual(['refresh-0'])
    expect(leases).toBe(1)
    for (const answer of answers) expect(answer).toMatchObject({ accessToken: 'access-1' })
  })

  it('asks once for callers in eight processes', async () => {
    const { sessions, another, pass, provider } = setUp()
    const { ticket } = await signedIn(sessions)
    pass(ALMOST_OVER_MS)
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => another()).flatMap((process) =>
        Array.from({ length: 5 }, () => ask(process, ticket)),
      ),
    )
    expect(provider.asked).toEqual(['refresh-0'])
    for (const answer of answers) expect(answer).toMatchObject({ accessToken: 'access-1' })
  })

  it('does not ask again for one who holds an older reading', async () => {
    const { sessions, pass, provider } = setUp()
    const { session } = await signedIn(sessions)
    pass(ALMOST_OVER_MS)
    await sessions.accessToken(session)
    expect(await sessions.accessToken(session)).toMatchObject({ accessToken: 'access-1' })
    expect(provider.asked.length).toBe(1)
  })

  it('goes on when nobody waits any more', async () => {
    const { sessions, another, pass, provider } = setUp()
    const { ticket } = await signedIn(sessions)
    pass(ALMOST_OVER_MS)
    const release = provider.hold()
    void ask(sessions, ticket)
    while (provider.asked.length === 0) await turn()
    release()
    const session = await opened(sessions, ticket)
    await sessions.accessToken(session)
    expect((await opened(another(), ticket)).tokenSet.refreshToken).toBe('refresh-1')
    expect(provider.asked.length).toBe(1)
  })

  it('ends the session on invalid_grant, and on nothing else', async () => {
    for (const kind of ['refused', 'not_spent', 'lost'] as const) {
      const { sessions, pass, provider, events, another } = setUp()
      const { ticket } = await signedIn(sessions)
      provider.answers.push({ kind })
      pass(OVER_MS)
      const answer = await ask(sessions, ticket)
      const alive = (await another().load(ticket)).ok
      expect(alive, kind).toBe(kind !== 'refused')
      expect(events.some(({ type }) => type === 'session.renewal_failed')).toBe(true)
      if (kind === 'refused') {
        expect(answer).toEqual({ ok: false, reason: 'signed_out' })
        expect(events.at(-1)).toMatchObject({
          type: 'session.ended',
          reason: 'renewal_refused',
        })
      }
    }
  })

  it('uses the old token while it lasts when nothing was spent, then says when to try again', async () => {
    const { sessions, pass, provider } = setUp()
    const { ticket } = await signedIn(sessions)
    provider.answers.push(
      { kind: 'not_spent', retryAfterSeconds: 7 },
      { kind: 'not_spent', retryAfterSeconds: 9 },
    )
    pass(ALMOST_OVER_MS)
    for (let round = 0; round < 10; round += 1) {
      expect(await ask(sessions, ticket)).toMatchObject({ ok: true })
    }
    expect(provider.asked.length, 'remembered, not repeated').toBe(1)
    pass(OVER_MS - ALMOST_OVER_MS)
    for (let round = 0; round < 10; round += 1) {
      expect(await ask(sessions, ticket)).toEqual({
        ok: false,
        reason: 'renewal_unavailable',
        retryAfterSeconds: 9,
      })
    }
    expect(provider.asked).toEqual(['refresh-0', 'refresh-0'])
    pass(9000)
    expect(await ask(sessions, ticket)).toMatchObject({ ok: true, accessToken: 'access-1' })
  })

  it('believes no Retry-After of days', async () => {
    const { sessions, pass, provider } = setUp()
    const { ticket } = await signedIn(sessions)
    provider.answers.push({ kind: 'not_spent', retryAfterSeconds: 1e9 })
    pass(OVER_MS)
    expect(await ask(sessions, ticket)).toMatchObject({ retryAfterSeconds: 300 })
  })

  it('never sends a token again that may be spent', async () => {
    const throws = new CoatcheckError('internal_error')
    for (const answer of [{ kind: 'lost' } as const, throws]) {
      const { sessions, pass, provider, another } = setUp()
      const { ticket } = await signedIn(sessions)
      provider.answers.push(answer)
      pass(ALMOST_OVER_MS)
      expect(await ask(sessions, ticket)).toMatchObject({ ok: true })
      pass(OVER_MS)
      for (const process of [sessions, another()]) {
        expect(await ask(process, ticket)).toEqual({
          ok: false,
          reason: 'access_token_expired',
        })
      }
      expect(provider.asked).toEqual(['refresh-0'])
    }
  })

  it('sends it again within the declared grace of the provider', async () => {
    const { sessions, pass, provider } = setUp({ refreshReuseGraceSeconds: 10 })
    const { ticket } = await signedIn(sessions)
    provider.answers.push({ kind: 'lost' })
    pass(ALMOST_OVER_MS)
    expect(await ask(sessions, ticket)).toMatchObject({ ok: true, accessToken: 'access-1' })
    expect(provider.asked).toEqual(['refresh-0', 'refresh-0'])
  })

  it('bounds how often it is sent again within the grace', async () => {
    const { sessions, pass, provider } = setUp({ refreshReuseGraceSeconds: 10 })
    const { ticket } = await signedIn(sessions)
    for (let index = 0; index < 50; index += 1) provider.answers.push({ kind: 'lost' })
    pass(OVER_MS)
    expect(await ask(sessions, ticket)).toMatchObject({ ok: false })
    expect(provider.asked.length).toBeLessThanOrEqual(5)
  })

  it('takes a mark that a dead process left for a token that may be spent', async () => {
    const { sessions, another, pass, provider } = setUp()
    const { ticket } = await signedIn(sessions)
    pass(ALMOST_OVER_MS)
    // The first process dies between sending and writing: its call is never answered.
    provider.hold()
    void ask(sessions, ticket)
    while (provider.asked.length === 0) await turn()
    pass(OVER_MS)
    expect(await ask(another(), ticket)).toEqual({ ok: false, reason: 'access_token_expired' })
    expect(provider.asked).toEqual(['refresh-0'])
    expect((await opened(another(), ticket)).tokenSet.refreshToken).toBeUndefined()
  })

  it('keeps an answer that comes after a successor gave the token up', async () => {
    const { sessions, another, pass, provider, revoked } = setUp()
    const { ticket } = await signedIn(sessions)
    pass(ALMOST_OVER_MS)
    const release = provider.hold()
    const slow = ask(sessions, ticket)
    while (provider.asked.length === 0) await turn()
    pass(OVER_MS)
    await ask(another(), ticket)
    release()
    expect(await slow).toMatchObject({ ok: true, accessToken: 'access-1' })
    expect((await opened(another(), ticket)).tokenSet.refreshToken).toBe('refresh-1')
    expect(revoked).toEqual([])
  })

  it('revokes what comes after a sign-out in the middle, and the session stays ended', async () => {
    const { sessions, pass, provider, revoked, events } = setUp()
    const { ticket, session } = await signedIn(sessions)
    pass(ALMOST_OVER_MS)
    const release = provider.hold()
    const slow = ask(sessions, ticket)
    while (provider.asked.length === 0) await turn()
    expect(await sessions.end(session, 'signed_out', { revoke: true })).toBe(true)
    release()
    expect(await slow).toEqual({ ok: false, reason: 'signed_out' })
    expect(revoked).toEqual(['refresh-0', 'refresh-1'])
    expect(events.at(-1)?.type).toBe('session.renewal_discarded')
    expect((await sessions.load(ticket)).ok).toBe(false)
  })

  it('revokes nothing for a session that was replaced in the middle: both share a grant', async () => {
    const { sessions, pass, provider, revoked } = setUp()
    const { ticket, session } = await signedIn(sessions)
    pass(ALMOST_OVER_MS)
    const release = provider.hold()
    const slow = ask(sessions, ticket)
    while (provider.asked.length === 0) await turn()
    await sessions.end(session, 'replaced')
    release()
    expect(await slow).toEqual({ ok: false, reason: 'signed_out' })
    expect(revoked).toEqual([])
  })

  it('revokes the newest refresh token at sign-out, whoever renewed it', async () => {
    const { sessions, another, pass, revoked } = setUp()
    const { ticket } = await signedIn(sessions)
    const early = await opened(sessions, ticket)
    pass(ALMOST_OVER_MS)
    await ask(another(), ticket)
    await sessions.end(early, 'signed_out', { revoke: true })
    expect(revoked).toEqual(['refresh-1'])
  })

  it('writes the mark before it asks', async () => {
    const order: string[] = []
    const { sessions, pass } = setUp(
      {
        renew: async () => {
          order.push('ask')
          return { kind: 'not_spent' }
        },
      },
      (store) => ({
        ...store,
        replace: (session, version) => {
          order.push('write')
          return store.replace(session, version)
        },
      }),
    )
    const { ticket } = await signedIn(sessions)
    pass(ALMOST_OVER_MS)
    await ask(sessions, ticket)
    expect(order).toEqual(['write', 'ask', 'write'])
  })

  it('does not ask when the mark cannot be written', async () => {
    const { sessions, pass, provider } = setUp({}, (store) => ({
      ...store,
      replace: async () => {
        throw new Error('disk full')
      },
    }))
    const { ticket } = await signedIn(sessions)
    pass(ALMOST_OVER_MS)
    await expect(ask(sessions, ticket)).rejects.toMatchObject({ code: 'store_unavailable' })
    expect(provider.asked).toEqual([])
  })

  it('keeps the successor although the store stumbles when it is written', async () => {
    let failures = 0
    let writes = 0
    const { sessions, another, pass } = setUp({}, (store) => ({
      ...store,
      replace: (session, version) => {
        writes += 1
        if (writes > 1 && failures < 2) {
          failures += 1
          throw new Error('locked')
        }
        return store.replace(session, version)
      },
      releaseLease: async () => {
        throw new Error('locked')
      },
    }))
    const { ticket } = await signedIn(sessions)
    pass(ALMOST_OVER_MS)
    expect(await ask(sessions, ticket)).toMatchObject({ ok: true, accessToken: 'access-1' })
    expect((await opened(another(), ticket)).tokenSet.refreshToken).toBe('refresh-1')
    expect(failures).toBe(2)
  })

  it('lets a session without refresh token be, and says when its token is over', async () => {
    const { sessions, pass, provider } = setUp()
    const { ticket } = await sessions.create({ tokenSet: withoutRefreshToken(tokenSet()) })
    pass(OVER_MS - 1)
    expect(await ask(sessions, ticket)).toMatchObject({ ok: true })
    pass(1)
    expect(await ask(sessions, ticket)).toEqual({ ok: false, reason: 'access_token_expired' })
    expect((await sessions.load(ticket)).ok).toBe(true)
    expect(provider.asked).toEqual([])
  })

  it('uses a token without lifetime as it is', async () => {
    const { sessions, pass, provider } = setUp({ idleSeconds: 43_200 })
    const { accessTokenExpiresAt: _, ...data } = tokenSetData(tokenSet())
    const { ticket } = await sessions.create({ tokenSet: restoreVerifiedTokenSet(data) })
    pass(40_000_000)
    expect(await ask(sessions, ticket)).toMatchObject({ ok: true })
    expect(provider.asked).toEqual([])
  })
})
