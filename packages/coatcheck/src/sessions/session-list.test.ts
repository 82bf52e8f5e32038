import { describe, expect, it } from 'vitest'
import { BINDING, manualClock, tokenSet } from '../../../../test/support/session-fixture.ts'
import { createKeyRing } from '../ring/key-ring.ts'
import { generateKeyRing, type KeyRingFile } from '../ring/ring-file.ts'
import type { SessionEvent } from './events.ts'
import { createSessions, type SessionsOptions } from './sessions.ts'
import { memoryStore } from './stores/memory.ts'

function setUp() {
  const { clock, pass } = manualClock()
  const store = memoryStore({ clock })
  const events: SessionEvent[] = []
  const revoked: string[] = []
  const file = generateKeyRing()
  const start = (ring: KeyRingFile = file, changes: Partial<SessionsOptions> = {}) =>
    createSessions({
      ...BINDING,
      ring: createKeyRing(ring),
      store,
      clock,
      onEvent: (event) => events.push(event),
      revoke: async (token) => void revoked.push(token),
      ...changes,
    })
  return { start, store, pass, events, revoked, file }
}

const ANN = tokenSet({ subject: 'ann' })
const BOB = tokenSet({ subject: 'bob' })

describe('list', () => {
  it('shows the sessions of one person, newest first, without a token or a whole id', async () => {
    const { start, pass } = setUp()
    const sessions = start()
    const first = await sessions.create({
      tokenSet: ANN,
      userAgent: 'Browser/1',
      address: '203.0.113.7',
    })
    pass(1000)
    const second = await sessions.create({ tokenSet: ANN })
    await sessions.create({ tokenSet: BOB })
    const listed = await sessions.list('ann')
    expect(listed.map(({ session }) => session)).toEqual([
      second.session.shortId,
      first.session.shortId,
    ])
    expect(listed[1]).toMatchObject({ userAgent: 'Browser/1', address: '203.0.113.7' })
    const text = JSON.stringify(listed)
    for (const secret of [
      first.session.id,
      first.ticket,
      ANN.accessToken,
      ANN.refreshToken ?? '',
    ]) {
      expect(text).not.toContain(secret)
    }
    expect(await sessions.list('nobody')).toEqual([])
  })

  it('finds what was made under every key of the ring', async () => {
    const { start, file } = setUp()
    const old = await start().create({ tokenSet: ANN })
    const next = generateKeyRing()
    const rotated: KeyRingFile = {
      ...next,
      keys: [...next.keys, ...file.keys.map((key) => ({ ...key, state: 'opening' as const }))],
    }
    const sessions = start(rotated)
    const young = await sessions.create({ tokenSet: ANN })
    const ids = (await sessions.list('ann')).map(({ session }) => session)
    expect(ids.toSorted()).toEqual([old.session.shortId, young.session.shortId].toSorted())
    expect(await sessions.endAll('ann', 'ended_by_operator')).toBe(2)
    expect((await sessions.load(old.ticket)).ok).toBe(false)
  })

  it('T-SESSION-06 shows no session that somebody without the ring put among those of a person', async () => {
    const { start, store } = setUp()
    const sessions = start()
    const { session } = await sessions.create({ tokenSet: ANN })
    const bob = await sessions.create({ tokenSet: BOB })
    const stored = await store.get(session.id)
    const bobs = await store.get(bob.session.id)
    if (stored === undefined || bobs === undefined) throw new Error('not there')
    await store.insert({ ...bobs, id: 'x'.repeat(22), subjectKey: stored.subjectKey })
    await store.insert({ ...stored, id: 'y'.repeat(22), card: stored.card.slice(1) })
    expect((await sessions.list('ann')).map(({ session: id }) => id)).toEqual([session.shortId])
  })
})

describe('endAll', () => {
  it('T-SESSION-05 ends all sessions of a person in every process, and nobody else', async () => {
    const { start, events } = setUp()
    const [here, there] = [start(), start()]
    const tickets = [
      (await here.create({ tokenSet: ANN })).ticket,
      (await there.create({ tokenSet: ANN })).ticket,
    ]
    const { ticket: other } = await there.create({ tokenSet: BOB })
    for (const ticket of tickets) await there.load(ticket)
    expect(await here.endAll('ann', 'ended_by_operator')).toBe(2)
    for (const ticket of tickets) expect((await there.load(ticket)).ok).toBe(false)
    expect((await there.load(other)).ok).toBe(true)
    const ended = events.filter(({ type }) => type === 'session.ended')
    expect(ended).toHaveLength(2)
    expect(ended[0]).toMatchObject({ reason: 'ended_by_operator', subject: 'ann', renewals: [] })
  })

  it('ends one, or all others', async () => {
    const { start } = setUp()
    const sessions = start()
    const made = [
      await sessions.create({ tokenSet: ANN }),
      await sessions.create({ tokenSet: ANN }),
      await sessions.create({ tokenSet: ANN }),
    ]
    const [one, two, three] = made.map(({ session }) => session.shortId)
    expect(await sessions.endAll('ann', 'ended_by_user', { only: one ?? '' })).toBe(1)
    expect(await sessions.endAll('bob', 'ended_by_user', { only: two ?? '' })).toBe(0)
    expect(await sessions.endAll('ann', 'ended_by_user', { except: two ?? '' })).toBe(1)
    expect((await sessions.list('ann')).map(({ session }) => session)).toEqual([two])
    expect(three).toBeDefined()
  })

  it('ends the sessions of one session at the provider', async () => {
    const { start } = setUp()
    const sessions = start()
    const of = (sid: string) =>
      sessions.create({ tokenSet: tokenSet({ claims: { sub: 's', sid } }) })
    const [one, two] = [await of('sid-1'), await of('sid-2')]
    expect(await sessions.endProviderSession('sid-1', 'provider_signed_out')).toBe(1)
    expect((await sessions.load(one.ticket)).ok).toBe(false)
    expect((await sessions.load(two.ticket)).ok).toBe(true)
  })
})

describe('end', () => {
  it('revokes what it knows when the store does not say whether the session is gone', async () => {
    const { start, store, revoked } = setUp()
    const broken = {
      ...store,
      delete: async () => {
        throw new Error('connection reset')
      },
    }
    const sessions = start(undefined, { store: broken })
    const { session } = await sessions.create({ tokenSet: ANN })
    await expect(sessions.end(session, 'signed_out', { revoke: true })).rejects.toMatchObject({
      code: 'store_unavailable',
    })
    expect(revoked).toEqual([ANN.refreshToken])
  })
})
