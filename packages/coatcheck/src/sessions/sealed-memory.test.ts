import { describe, expect, it } from 'vitest'
import { collectGarbage, timesInHeap } from '../../../../test/support/heap.ts'
import {
  call,
  crowd,
  DUE_MS,
  found,
  IDLE_MS,
  NAME,
  sealedSite,
  signedIn,
  single,
  visit,
} from '../../../../test/support/sealed-site.ts'
import { manualClock, tokenSet } from '../../../../test/support/session-fixture.ts'
import { systemRandom } from '../core/random.ts'
import { createEndedSessions } from './ended-sessions.ts'
import { createKeptSessions, stateOf } from './kept-sessions.ts'
import { createLifetimes } from './lifetimes.ts'

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

  it('is told by the heap (control: what is held is found)', async () => {
    const control = ['held', 'by', 'this', 'test'].join('-')
    const held = Buffer.from(`theirs=${control}-${systemRandom(8).join('')}`).toString('latin1')
    expect(await timesInHeap(`theirs=${control}`)).toBe(1)
    expect(held).toContain(control)
  })

  it('T-COOKIE-06 keeps nothing of a request’s other cookies', async () => {
    const { start } = sealedSite()
    const sessions = start()
    const { page } = await signedIn(sessions)
    const canary = ['CANARY', 'of-another', 'app'].join('-')
    // As node:http gives it: one flat string.
    await sessions.read(
      Buffer.from(`theirs=${canary}-${systemRandom(8).join('')}; ${page.header()}`).toString(
        'latin1',
      ),
    )
    expect(await timesInHeap(`theirs=${canary}`)).toBe(0)
    expect(sessions).toBeDefined()
  })

  it('T-COOKIE-06 keeps nothing of a header whose cookie does not open', async () => {
    const { start } = sealedSite()
    const sessions = start()
    const canary = ['CONTROL', 'of-another', 'app'].join('-')
    await sessions.read(
      Buffer.from(
        `theirs=${canary}-${systemRandom(8).join('')}; ${NAME}=${'A'.repeat(3000)}`,
      ).toString('latin1'),
    )
    expect(await timesInHeap(`theirs=${canary}`)).toBe(0)
    expect(sessions).toBeDefined()
  })

  it('T-SEAL-04 keeps no token of a session that was signed out', async () => {
    const { start, pass, clock } = sealedSite()
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
    expect(await timesInHeap(`${canary}-refresh`)).toBe(0)
    expect(sessions).toBeDefined()
  })

  it('made-up cookies beside one’s own do not fill it', async () => {
    const { start } = sealedSite()
    const sessions = start()
    const { page } = await signedIn(sessions)
    collectGarbage()
    const before = process.memoryUsage().heapUsed
    const COUNT = 1000
    for (let n = 0; n < COUNT; n += 1) {
      let junk = ''
      for (let k = 0; k < 280; k += 1)
        junk += `; ${NAME}-${(n * 1000 + k).toString(36).padStart(12, '0')}-0=`
      await sessions.read(Buffer.from(page.header() + junk).toString('latin1'))
    }
    collectGarbage()
    const perEntry = (process.memoryUsage().heapUsed - before) / COUNT
    expect(perEntry).toBeLessThan(20_000)
    expect(sessions).toBeDefined()
  })

  it('one browser of a working day does not fill it', async () => {
    const { start, pass } = sealedSite()
    const sessions = start()
    const { page } = await signedIn(sessions)
    const flat = () => Buffer.from(crowd(page.header(), 1000)).toString('latin1')
    page.set(await visit(sessions, flat()))
    collectGarbage()
    const before = process.memoryUsage().heapUsed
    for (let n = 0; n < 200; n += 1) {
      pass(IDLE_MS / 10)
      page.set(await visit(sessions, flat()))
    }
    collectGarbage()
    const kb = (process.memoryUsage().heapUsed - before) / 1024
    expect(kb).toBeLessThan(400)
    expect(sessions).toBeDefined()
  })
})
