import { describe, expect, it } from 'vitest'
import { BINDING, manualClock, tokenSet } from '../../../../test/support/session-fixture.ts'
import { sqliteEngines } from '../../../../test/support/sqlite-engines.ts'
import { encodeBase64url } from '../core/bytes.ts'
import { describeKeyRing } from '../ring/key-roles.ts'
import { createReloadableKeyRing } from '../ring/reloadable-key-ring.ts'
import { generateKeyRing, type KeyRingFile } from '../ring/ring-file.ts'
import { addKey, forgetKey, promoteKey } from '../ring/rotation.ts'
import type { SessionStore, StoredSession } from './session-store.ts'
import { createSessions, type Sessions, type SessionsOptions } from './sessions.ts'
import { sqliteStore } from './stores/sqlite.ts'
import { ticketId } from './ticket.ts'

const ANN = tokenSet({ subject: 'ann', claims: { sub: 'ann', sid: 'sid-1' } })
const RENEW_MS = 280_000

function setUp() {
  const { clock, pass } = manualClock()
  const [engine] = sqliteEngines()
  if (engine === undefined) throw new Error('no driver')
  const store = sqliteStore(engine.open(':memory:'), { clock })
  const disk: { file: KeyRingFile } = { file: generateKeyRing({ clock }) }
  const start = (changes: Partial<SessionsOptions> = {}) => {
    const ring = createReloadableKeyRing({ read: () => disk.file, clock })
    const sessions = createSessions({
      ...BINDING,
      ring,
      store,
      clock,
      renew: async ({ tokenSet: old }) => ({
        kind: 'renewed',
        tokenSet: tokenSet({
          subject: old.subject,
          claims: old.claims,
          accessToken: `renewed at ${clock()}`,
          accessTokenReceivedAt: clock(),
          accessTokenExpiresAt: clock() + 300_000,
        }),
      }),
      ...changes,
    })
    return { ring, sessions }
  }
  const add = (): void => {
    disk.file = addKey(disk.file, { clock })
  }
  const promote = (): void => {
    disk.file = promoteKey(disk.file, { clock, reloadSeconds: 0 })
  }
  const forgetOldest = (): void => {
    disk.file = forgetKey(disk.file, describeKeyRing(disk.file)[0]?.id ?? '')
  }
  const stored = async (ticket: string): Promise<StoredSession> => {
    const found = await store.get(ticketId(ticket) ?? '')
    if (found === undefined) throw new Error('not there')
    return found
  }
  return { clock, pass, store, start, add, promote, forgetOldest, stored, disk }
}

function wrappedUnder({ wraps }: StoredSession): readonly string[] {
  return wraps.map((wrap) => encodeBase64url(wrap.subarray(0, 6)))
}

function cardUnder({ card }: StoredSession): string {
  return encodeBase64url(Buffer.from(Buffer.from(card).toString(), 'base64url').subarray(1, 7))
}

async function use(sessions: Sessions, ticket: string): Promise<boolean> {
  const loaded = await sessions.load(ticket)
  if (!loaded.ok) return false
  return (await sessions.accessToken(loaded.session)).ok
}

describe('a session whose ring rotates', () => {
  it('T-OPS-04 lives on, and its next write puts wrap, card and look-up keys under the new key', async () => {
    const { start, add, promote, forgetOldest, pass, stored } = setUp()
    const { ring, sessions } = start()
    const { ticket } = await sessions.create({ tokenSet: ANN })
    const before = await stored(ticket)
    add()
    promote()
    ring.reload()
    expect(await use(sessions, ticket)).toBe(true)
    expect(await stored(ticket)).toEqual(before)
    pass(RENEW_MS)
    expect(await use(sessions, ticket)).toBe(true)
    const after = await stored(ticket)
    expect(wrappedUnder(after)).toEqual([ring.current.id])
    expect(cardUnder(after)).toBe(ring.current.id)
    expect(after.subjectKey).not.toBe(before.subjectKey)
    expect(after.sidKey).not.toBe(before.sidKey)
    forgetOldest()
    ring.reload()
    const young = start().sessions
    for (const process of [sessions, young]) {
      expect(await use(process, ticket)).toBe(true)
      expect((await process.list('ann')).map(({ renewals }) => renewals.length)).toEqual([1])
    }
    expect(await young.endProviderSession('sid-1', 'provider_signed_out')).toBe(1)
    expect(await use(sessions, ticket)).toBe(false)
  })

  it('T-OPS-04 is found by its person under whichever key it lies', async () => {
    const { start, add, promote, pass } = setUp()
    const { ring, sessions } = start()
    const tickets: string[] = []
    for (let round = 0; round < 4; round += 1) {
      tickets.push((await sessions.create({ tokenSet: ANN })).ticket)
      add()
      promote()
      ring.reload()
    }
    pass(RENEW_MS)
    expect(await use(sessions, tickets[1] ?? '')).toBe(true)
    expect(await sessions.list('ann')).toHaveLength(4)
    expect(await sessions.endAll('ann', 'ended_by_operator')).toBe(4)
    for (const ticket of tickets) expect(await use(sessions, ticket)).toBe(false)
  })

  it('T-OPS-04 is out when its key is forgotten by force, in every process, also where it lies in memory', async () => {
    const { start, add, promote, forgetOldest, disk } = setUp()
    const { ring, sessions } = start()
    const { ticket } = await sessions.create({ tokenSet: ANN })
    add()
    promote()
    ring.reload()
    expect(await use(sessions, ticket)).toBe(true)
    forgetOldest()
    ring.reload()
    expect(disk.file.keys).toHaveLength(1)
    for (const process of [sessions, start().sessions]) {
      expect(await process.load(ticket)).toEqual({ ok: false, reason: 'unknown_key' })
      expect(await process.list('ann')).toEqual([])
      expect(await process.endAll('ann', 'ended_by_operator')).toBe(0)
    }
  })

  it('T-OPS-04 works in processes of which one has not read the promotion, and stays under the newer key', async () => {
    const { start, add, promote, pass, stored } = setUp()
    add()
    const [fast, slow] = [start(), start()]
    const { ticket } = await slow.sessions.create({ tokenSet: ANN })
    promote()
    fast.ring.reload()
    const { ticket: young } = await fast.sessions.create({ tokenSet: ANN })
    for (const { sessions } of [fast, slow, fast, slow]) {
      pass(RENEW_MS)
      expect(await use(sessions, ticket)).toBe(true)
      expect(await use(sessions, young)).toBe(true)
      expect(wrappedUnder(await stored(ticket))).toEqual([fast.ring.current.id])
      expect(await sessions.list('ann')).toHaveLength(2)
    }
    expect(slow.ring.current.id).not.toBe(fast.ring.current.id)
    expect(await slow.sessions.endAll('ann', 'ended_by_operator')).toBe(2)
  })

  it('T-OPS-04 opens where the process has not even read the new key: it looks', async () => {
    const { start, add, promote } = setUp()
    const [fast, slow] = [start(), start()]
    add()
    promote()
    fast.ring.reload()
    const { ticket } = await fast.sessions.create({ tokenSet: ANN })
    expect(await use(slow.sessions, ticket)).toBe(true)
    expect(slow.ring.current.id).toBe(fast.ring.current.id)
  })

  it('T-OPS-04 survives when a renewal that was marked under one key ends under another', async () => {
    const { start, add, promote, pass, stored } = setUp()
    const { ring, sessions } = start()
    const { ticket } = await sessions.create({ tokenSet: ANN })
    for (let rotation = 0; rotation < 3; rotation += 1) {
      add()
      promote()
      ring.reload()
      pass(RENEW_MS)
      const loaded = await sessions.load(ticket)
      if (!loaded.ok) throw new Error(loaded.reason)
      // The ring goes on between loading and writing.
      add()
      promote()
      ring.reload()
      expect((await sessions.accessToken(loaded.session)).ok).toBe(true)
      expect(await use(sessions, ticket)).toBe(true)
    }
    pass(RENEW_MS)
    expect(await use(sessions, ticket)).toBe(true)
    expect(wrappedUnder(await stored(ticket))).toEqual([ring.current.id])
  })

  it('T-OPS-04 opens when a write that moved it is taken back because the store did not confirm it', async () => {
    const first = setUp()
    let answersAreLost = false
    const store: SessionStore = {
      ...first.store,
      replace: async (session, version) => {
        const isReplaced = await first.store.replace(session, version)
        if (!answersAreLost) return isReplaced
        answersAreLost = false
        throw new Error('connection reset')
      },
    }
    const { ring, sessions } = first.start({ store })
    const { ticket } = await sessions.create({ tokenSet: ANN })
    first.add()
    first.promote()
    ring.reload()
    first.pass(RENEW_MS)
    answersAreLost = true
    await expect(use(sessions, ticket)).rejects.toMatchObject({ code: 'store_unavailable' })
    await expect.poll(async () => (await first.stored(ticket)).version).toBe(3)
    expect(wrappedUnder(await first.stored(ticket))).toEqual([ring.current.id])
    expect(await use(sessions, ticket)).toBe(true)
    expect(await sessions.list('ann')).toHaveLength(1)
  })
})
