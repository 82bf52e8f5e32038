import { describe, expect, it } from 'vitest'
import {
  BINDING,
  manualClock,
  newRing,
  tokenSet,
} from '../../../../test/support/session-fixture.ts'
import type { WatchEnd } from './endings.ts'
import type { SessionStore } from './session-store.ts'
import { createSessions, type Sessions } from './sessions.ts'
import { memoryStore } from './stores/memory.ts'

function setUp(wrap = (store: SessionStore) => store) {
  const { clock, pass } = manualClock()
  const store = wrap(memoryStore({ clock }))
  const ring = newRing()
  const start = (): Sessions => createSessions({ ...BINDING, ring, store, clock })
  return { start, pass, store }
}

const withoutNotices = (store: SessionStore): SessionStore => {
  const { subscribe: _, ...rest } = store
  return rest
}

async function watched(sessions: Sessions) {
  const { session, ticket } = await sessions.create({ tokenSet: tokenSet() })
  const heard: WatchEnd[] = []
  const stop = sessions.endings.watch(session, (reason) => heard.push(reason))
  return { session, ticket, heard, stop }
}

async function until(condition: () => boolean): Promise<void> {
  const began = Date.now()
  while (!condition()) {
    if (Date.now() - began > 5000) throw new Error('it did not happen')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

describe('watch', () => {
  it('T-SESSION-05 tells of an ending in this process at once, and once', async () => {
    const { start } = setUp()
    const sessions = start()
    const { session, heard } = await watched(sessions)
    await sessions.end(session, 'signed_out')
    expect(heard).toEqual(['signed_out'])
    await sessions.close()
  })

  it('T-SESSION-05 tells of an ending in another process at once where the store notifies', async () => {
    const { start } = setUp()
    const [here, there] = [start(), start()]
    const { heard } = await watched(here)
    await there.endAll(tokenSet().subject, 'ended_by_operator')
    expect(heard).toEqual(['ended_by_operator'])
    await here.close()
  })

  it('T-SESSION-05 finds it by looking where the store cannot notify', async () => {
    const { start } = setUp(withoutNotices)
    const [here, there] = [start(), start()]
    const { heard } = await watched(here)
    await there.endAll(tokenSet().subject, 'ended_by_operator')
    expect(heard).toEqual([])
    await until(() => heard.length > 0)
    expect(heard).toEqual(['ended_by_operator'])
    await here.close()
  })

  it('tells of what ended between loading and watching', async () => {
    const { start } = setUp()
    const sessions = start()
    const { session } = await sessions.create({ tokenSet: tokenSet() })
    await sessions.end(session, 'replaced')
    const heard: WatchEnd[] = []
    sessions.endings.watch(session, (reason) => heard.push(reason))
    await until(() => heard.length > 0)
    expect(heard).toEqual(['replaced'])
    await sessions.close()
  })

  it('tells when the time is over, and is no activity itself', async () => {
    const { start, pass } = setUp(withoutNotices)
    const sessions = start()
    const { heard } = await watched(sessions)
    pass(1_800_000)
    await until(() => heard.length > 0)
    expect(heard).toEqual(['idle_timeout'])
    await sessions.close()
  })

  it('takes a store that does not answer for nothing that ended', async () => {
    let isAway = false
    const { start } = setUp((store) => ({
      ...withoutNotices(store),
      get: (id) => {
        if (isAway) throw new Error('away')
        return store.get(id)
      },
    }))
    const sessions = start()
    const { heard } = await watched(sessions)
    isAway = true
    await new Promise((resolve) => setTimeout(resolve, 2500))
    expect(heard).toEqual([])
    await sessions.close()
  })

  it('tells nobody who has stopped watching', async () => {
    const { start } = setUp()
    const sessions = start()
    const { session, heard, stop } = await watched(sessions)
    stop()
    await sessions.end(session, 'signed_out')
    expect(heard).toEqual([])
  })
})

describe('a store that is silent', () => {
  it('T-RENEW-04 has failed after its time, and is never taken for an ending', async () => {
    const { clock } = manualClock()
    const store = memoryStore({ clock })
    const silent: SessionStore = { ...store, get: () => new Promise(() => {}) }
    const sessions = createSessions({
      ...BINDING,
      ring: newRing(),
      store: silent,
      clock,
      storeTimeoutSeconds: 0.2,
    })
    const { ticket } = await sessions.create({ tokenSet: tokenSet() })
    await expect(sessions.load(ticket)).rejects.toMatchObject({
      code: 'store_unavailable',
      retryAfterSeconds: 2,
    })
  })
})
