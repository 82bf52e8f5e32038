import { describe, expect, it } from 'vitest'
import {
  cardUnder,
  loaded,
  RENEW_MS,
  rotatingSite,
  use,
  wrappedUnder,
} from '../../../../test/support/rotating-site.ts'
import { BINDING, tokenSet } from '../../../../test/support/session-fixture.ts'
import { systemRandom } from '../core/random.ts'
import { describeKeyRing } from '../ring/key-roles.ts'
import { forgetKey } from '../ring/rotation.ts'
import { createRecords } from './record.ts'
import { openedSession } from './session.ts'
import type { SessionStore } from './session-store.ts'
import { parseTicket } from './ticket.ts'

const ANN = tokenSet({ subject: 'ann', claims: { sub: 'ann', sid: 'sid-1' } })

describe('a session whose ring rotates', () => {
  it('T-OPS-04 lives on, and its next write puts wrap, card and look-up keys under the new key', async () => {
    const { start, add, promote, forgetOldest, pass, stored } = rotatingSite()
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
    const { start, add, promote, pass } = rotatingSite()
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
    const { start, add, promote, forgetOldest, disk } = rotatingSite()
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
    const { start, add, promote, pass, stored } = rotatingSite()
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
    const { start, add, promote } = rotatingSite()
    const [fast, slow] = [start(), start()]
    add()
    promote()
    fast.ring.reload()
    const { ticket } = await fast.sessions.create({ tokenSet: ANN })
    expect(await use(slow.sessions, ticket)).toBe(true)
    expect(slow.ring.current.id).toBe(fast.ring.current.id)
  })

  it('T-OPS-04 is ended with all of its person, also when it moves while they are looked for', async () => {
    const first = rotatingSite()
    const { ring, sessions } = first.start()
    const { ticket } = await sessions.create({ tokenSet: ANN })
    first.add()
    first.promote()
    ring.reload()
    first.pass(RENEW_MS)
    let searches = 0
    const searching: SessionStore = {
      ...first.store,
      deleteBySubject: async (key, reason) => {
        const found = await first.store.deleteBySubject(key, reason)
        searches += 1
        if (searches === 1) await use(sessions, ticket)
        return found
      },
    }
    const { sessions: operator } = first.start({ store: searching })
    expect(await operator.endAll('ann', 'ended_by_operator')).toBe(1)
    expect(searches).toBe(2)
    expect(await use(sessions, ticket)).toBe(false)
  })

  it('T-OPS-04 survives when a renewal that was marked under one key ends under another', async () => {
    const { start, add, promote, pass, stored } = rotatingSite()
    const { ring, sessions } = start()
    const { ticket } = await sessions.create({ tokenSet: ANN })
    for (let rotation = 0; rotation < 3; rotation += 1) {
      add()
      promote()
      ring.reload()
      pass(RENEW_MS)
      const session = await loaded(sessions, ticket)
      // The ring goes on between loading and writing.
      add()
      promote()
      ring.reload()
      expect((await sessions.accessToken(session)).ok).toBe(true)
      expect(await use(sessions, ticket)).toBe(true)
    }
    pass(RENEW_MS)
    expect(await use(sessions, ticket)).toBe(true)
    expect(wrappedUnder(await stored(ticket))).toEqual([ring.current.id])
  })

  it('T-OPS-04 moves also when it was loaded before the ring changed and touched after', async () => {
    const { start, add, promote, pass, stored } = rotatingSite()
    const { ring, sessions } = start()
    const { ticket } = await sessions.create({ tokenSet: ANN })
    pass(RENEW_MS - 1000)
    const session = await loaded(sessions, ticket)
    add()
    promote()
    ring.reload()
    expect(await sessions.touch(session)).toBeDefined()
    pass(1000)
    expect(await use(sessions, ticket)).toBe(true)
    expect(wrappedUnder(await stored(ticket))).toEqual([ring.current.id])
  })

  it('T-OPS-04 goes to no key that is gone by the time it is written', async () => {
    const { start, add, promote, pass, disk } = rotatingSite()
    const { ring, sessions } = start()
    const { ticket } = await sessions.create({ tokenSet: ANN })
    add()
    promote()
    ring.reload()
    pass(RENEW_MS)
    const session = await loaded(sessions, ticket)
    add()
    promote()
    disk.file = forgetKey(disk.file, describeKeyRing(disk.file)[1]?.id ?? '')
    ring.reload()
    expect((await sessions.accessToken(session)).ok).toBe(true)
    expect(await use(sessions, ticket)).toBe(true)
  })

  it('T-OPS-04 is not taken back by a process that has not read the latest promotion', async () => {
    const { start, add, promote, pass, stored } = rotatingSite()
    const fast = start()
    const { ticket } = await fast.sessions.create({ tokenSet: ANN })
    add()
    promote()
    add()
    const slow = start()
    const session = await loaded(slow.sessions, ticket)
    promote()
    fast.ring.reload()
    pass(RENEW_MS)
    expect(await use(fast.sessions, ticket)).toBe(true)
    pass(RENEW_MS)
    expect((await slow.sessions.accessToken(session)).ok).toBe(true)
    expect(wrappedUnder(await stored(ticket))).toEqual([fast.ring.current.id])
    expect(slow.ring.isFormer(fast.ring.current.id)).toBe(false)
  })

  it('moves wrap, card and look-up keys at one and the same write', async () => {
    const { start, add, promote, stored } = rotatingSite()
    const { ring, sessions } = start()
    const { ticket } = await sessions.create({ tokenSet: ANN })
    const parsed = parseTicket(ticket)
    if (parsed === undefined) throw new Error('no ticket')
    add()
    promote()
    ring.reload()
    const records = createRecords(ring, BINDING, systemRandom)
    const before = await stored(ticket)
    const opened = records.open(before, parsed)
    if (!opened.ok) throw new Error(opened.reason)
    const moved = records.move(openedSession(before, opened))
    expect(wrappedUnder(moved)).toEqual([ring.current.id])
    expect(cardUnder(moved)).toBe(ring.current.id)
    expect(moved.subjectKey).toBe(records.lookupKey('sub', 'ann'))
    expect(moved.sidKey).toBe(records.lookupKey('sid', 'sid-1'))
    const { wraps, card, subjectKey, sidKey, ...rest } = moved
    expect(before).toMatchObject(rest)
  })

  it('T-OPS-04 opens when a write that moved it is taken back because the store did not confirm it', async () => {
    const first = rotatingSite()
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
