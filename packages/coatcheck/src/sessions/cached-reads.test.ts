import { describe, expect, it } from 'vitest'
import {
  BINDING,
  manualClock,
  newRing,
  tokenSet,
} from '../../../../test/support/session-fixture.ts'
import type { SessionStore, StoreNotice } from './session-store.ts'
import { createSessions, type Sessions } from './sessions.ts'
import { memoryStore } from './stores/memory.ts'

function setUp(cacheSeconds: number, wrap = (store: SessionStore) => store) {
  const { clock, pass } = manualClock()
  const inner = memoryStore({ clock })
  let reads = 0
  const store = wrap({
    ...inner,
    get: (id) => {
      reads += 1
      return inner.get(id)
    },
  })
  const ring = newRing()
  const start = (): Sessions => createSessions({ ...BINDING, ring, store, clock, cacheSeconds })
  return { start, pass, reads: () => reads }
}

const withoutNotices = (store: SessionStore): SessionStore => {
  const { subscribe: _, ...rest } = store
  return rest
}

async function stateOf(sessions: Sessions, ticket: string): Promise<string> {
  const loaded = await sessions.load(ticket)
  return loaded.ok ? 'signed in' : loaded.reason
}

describe('cacheSeconds', () => {
  it('is off unless it is asked for: each load reads the store', async () => {
    const { start, reads } = setUp(0)
    const sessions = start()
    const { ticket } = await sessions.create({ tokenSet: tokenSet() })
    for (let round = 0; round < 5; round += 1) await sessions.load(ticket)
    expect(reads()).toBe(5)
  })

  it('reads once within its time, and again after it', async () => {
    const { start, pass, reads } = setUp(5)
    const sessions = start()
    const { ticket } = await sessions.create({ tokenSet: tokenSet() })
    for (let round = 0; round < 5; round += 1) await sessions.load(ticket)
    expect(reads()).toBe(1)
    pass(4999)
    await sessions.load(ticket)
    expect(reads()).toBe(1)
    pass(1)
    await sessions.load(ticket)
    expect(reads()).toBe(2)
  })

  it('T-SESSION-05 knows an ending elsewhere within that time where the store cannot notify', async () => {
    const { start, pass } = setUp(5, withoutNotices)
    const [here, there] = [start(), start()]
    const { ticket } = await here.create({ tokenSet: tokenSet() })
    expect(await stateOf(here, ticket)).toBe('signed in')
    await there.endAll(tokenSet().subject, 'ended_by_operator')
    expect(await stateOf(here, ticket)).toBe('signed in')
    pass(5000)
    expect(await stateOf(here, ticket)).toBe('unknown')
  })

  it('T-SESSION-05 knows it at once where the store notifies', async () => {
    const { start } = setUp(60)
    const [here, there] = [start(), start()]
    const { ticket } = await here.create({ tokenSet: tokenSet() })
    expect(await stateOf(here, ticket)).toBe('signed in')
    await there.endAll(tokenSet().subject, 'ended_by_operator')
    expect(await stateOf(here, ticket)).toBe('unknown')
  })

  it('T-SESSION-05 keeps nothing over an interruption of notices', async () => {
    const listeners: ((notice: StoreNotice) => void)[] = []
    const deaf = (store: SessionStore): SessionStore => ({
      ...store,
      subscribe: (listener) => {
        listeners.push(listener)
        return { close: () => {} }
      },
    })
    const { start } = setUp(60, deaf)
    const [here, there] = [start(), start()]
    const { ticket } = await here.create({ tokenSet: tokenSet() })
    expect(await stateOf(here, ticket)).toBe('signed in')
    await there.endAll(tokenSet().subject, 'ended_by_operator')
    expect(await stateOf(here, ticket), 'it was not told').toBe('signed in')
    for (const tell of listeners) tell({ kind: 'resumed' })
    expect(await stateOf(here, ticket)).toBe('unknown')
  })

  it('T-SESSION-05 keeps no reading that began before an ending', async () => {
    const waiting: (() => void)[] = []
    const slow = (store: SessionStore): SessionStore => ({
      ...store,
      get: async (id) => {
        const found = await store.get(id)
        await new Promise<void>((resolve) => {
          waiting.push(resolve)
        })
        return found
      },
    })
    const { start } = setUp(60, slow)
    const [here, there] = [start(), start()]
    const { ticket, session } = await here.create({ tokenSet: tokenSet() })
    const release = async (): Promise<void> => {
      while (waiting.length === 0) await new Promise((resolve) => setImmediate(resolve))
      waiting.shift()?.()
    }
    const reading = here.load(ticket)
    while (waiting.length === 0) await new Promise((resolve) => setImmediate(resolve))
    await there.end(session, 'signed_out')
    await release()
    await reading
    const next = here.load(ticket)
    await release()
    expect((await next).ok).toBe(false)
  })

  it('T-SESSION-04 never outlives the idle end', async () => {
    const { start, pass } = setUp(60)
    const sessions = start()
    const { ticket } = await sessions.create({ tokenSet: tokenSet() })
    pass(1_799_000)
    expect(await stateOf(sessions, ticket)).toBe('signed in')
    pass(1000)
    expect(await stateOf(sessions, ticket)).not.toBe('signed in')
  })

  it('shows its own changes at once', async () => {
    const { start, pass } = setUp(60)
    const sessions = start()
    const { ticket, session } = await sessions.create({ tokenSet: tokenSet() })
    await sessions.load(ticket)
    pass(300_000)
    const touched = await sessions.touch(session)
    const loaded = await sessions.load(ticket)
    expect(loaded.ok && loaded.session.lastSeenAt).toBe(touched?.lastSeenAt)
    await sessions.end(session, 'signed_out')
    expect(await stateOf(sessions, ticket)).toBe('unknown')
  })
})
