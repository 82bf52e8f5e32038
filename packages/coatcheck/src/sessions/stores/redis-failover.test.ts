import { createClient, createCluster, createSentinel } from '@redis/client'
import { Cluster, Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFailed } from 'vitest'
import { type RedisCluster, startRedisCluster } from '../../../../../test/support/redis-cluster.ts'
import {
  type RedisSentinel,
  startRedisSentinel,
} from '../../../../../test/support/redis-sentinel.ts'
import {
  logsOf,
  type RedisServer,
  replicated,
  startRedis,
} from '../../../../../test/support/redis-server.ts'
import { guardStore } from '../guarded-store.ts'
import type { SessionStore, StoredSession, StoreNotice } from '../session-store.ts'
import { redisStore } from './redis.ts'
import type { RedisClient, RedisDriver } from './redis-client.ts'
import { driverOf } from './redis-driver.ts'
import { listenToNotices } from './redis-notices.ts'

const host = '127.0.0.1'
const open: (() => unknown)[] = []
let single: RedisServer
let cluster: RedisCluster
let sentinel: RedisSentinel

beforeAll(async () => {
  ;[single, cluster, sentinel] = await Promise.all([
    startRedis(),
    startRedisCluster(),
    startRedisSentinel(2),
  ])
})

afterEach(async () => {
  for (const close of open.splice(0)) await close()
})

afterAll(async () => {
  await Promise.all([single.close(), cluster.close(), sentinel.close()])
})

type Connect = () => Promise<RedisClient>

const nodes = () => cluster.ports.map((port) => ({ host, port }))
const sentinels = () => sentinel.sentinelPorts.map((port) => ({ host, port }))

const SINGLE: Readonly<Record<string, Connect>> = {
  ioredis: async () => quiet(new Redis(single.port, host)),
  'node-redis': () => connected(createClient({ url: single.url })),
}
const CLUSTER: Readonly<Record<string, Connect>> = {
  ioredis: async () => quiet(new Cluster(nodes())),
  'node-redis': () =>
    connected(createCluster({ rootNodes: nodes().map((socket) => ({ socket })) })),
}
const SENTINEL: Readonly<Record<string, Connect>> = {
  ioredis: async () => quiet(new Redis({ sentinels: sentinels(), name: sentinel.name })),
  'node-redis': () =>
    connected(createSentinel({ name: sentinel.name, sentinelRootNodes: sentinels() })),
}

type Watched = RedisClient & { on(event: 'error', listener: () => void): unknown }

function quiet<T extends Watched & { disconnect(): void }>(client: T): T {
  client.on('error', () => {})
  open.push(() => client.disconnect())
  return client
}

async function connected(
  client: Watched & { connect(): Promise<unknown>; destroy(): unknown },
): Promise<RedisClient> {
  client.on('error', () => {})
  await client.connect()
  open.push(async () => client.destroy())
  return client
}

function sample(id: string): StoredSession {
  const now = Date.now()
  const times = { createdAt: now, lastSeenAt: now, expiresAt: now + 600_000 }
  const bytes = new Uint8Array(100)
  const parts = { wraps: [bytes], body: bytes, card: bytes }
  return { format: 1, id, version: 1, ...times, subjectKey: 'subject', ...parts }
}

async function until(what: string, isTrue: () => boolean, withinMs = 15_000): Promise<void> {
  const deadline = Date.now() + withinMs
  while (!isTrue()) {
    if (Date.now() > deadline) throw new Error(`never: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function succeeds(work: () => Promise<unknown>, withinMs: number): Promise<void> {
  const deadline = Date.now() + withinMs
  for (;;) {
    try {
      await work()
      return
    } catch (error) {
      if (Date.now() > deadline) throw error
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}

async function listening(store: SessionStore): Promise<readonly StoreNotice[]> {
  const heard: StoreNotice[] = []
  const subscription = await store.subscribe?.((notice) => heard.push(notice))
  open.push(() => subscription?.close())
  return heard
}

function countOf(notices: readonly StoreNotice[], kind: StoreNotice['kind']): number {
  return notices.filter((notice) => notice.kind === kind).length
}

let prefixes = 0
function freshPrefix(): string {
  prefixes += 1
  return `case-${prefixes}:`
}

// What one store does, another hears; ids are new each time, since notices of before may still be on the way.
async function expectFlow(heard: readonly StoreNotice[], other: SessionStore): Promise<void> {
  const id = `id-${Math.random().toString(36).slice(2)}`
  await succeeds(() => Promise.resolve(other.insert(sample(id))), 10_000)
  await other.delete(id, 'ended_by_operator')
  const number = await other.acquireLease(id, 1000)
  await other.releaseLease(id, number ?? 0)
  const expected = [
    { kind: 'ended', id, reason: 'ended_by_operator' },
    { kind: 'released', id },
  ]
  for (const notice of expected) {
    const text = JSON.stringify(notice)
    await until(`${text} is heard`, () => heard.some((one) => JSON.stringify(one) === text), 5000)
  }
}

describe('notices of redisStore', () => {
  for (const [place, clients] of Object.entries({ 'one server': SINGLE, Cluster: CLUSTER })) {
    it.each(Object.entries(clients))(
      `go from store to store on ${place}, with %s`,
      async (_, connect) => {
        const prefix = freshPrefix()
        const heard = await listening(redisStore(await connect(), { prefix }))
        const foreign = await listening(redisStore(await connect(), { prefix: freshPrefix() }))
        for (const other of Object.values(clients)) {
          await expectFlow(heard, redisStore(await other(), { prefix }))
        }
        expect(heard).toHaveLength(4)
        expect(foreign).toEqual([])
      },
    )
  }

  it.each(Object.entries(SINGLE))(
    'come back after a connection was cut, with %s',
    async (_, connect) => {
      const prefix = freshPrefix()
      const client = await connect()
      const heard = await listening(redisStore(client, { prefix }))
      for (let round = 1; round <= 3; round += 1) {
        await single.cli('CLIENT', 'KILL', 'TYPE', 'pubsub')
        await until('it says that it resumed', () => countOf(heard, 'resumed') === round)
        await expectFlow(heard, redisStore(client, { prefix }))
      }
    },
  )

  it.each(Object.entries(SINGLE))(
    'come back after the server was away, with %s',
    async (_, connect) => {
      const prefix = freshPrefix()
      const client = await connect()
      const heard = await listening(redisStore(client, { prefix }))
      await single.kill()
      await new Promise((resolve) => setTimeout(resolve, 700))
      await single.start()
      await until('it says that it resumed', () => countOf(heard, 'resumed') === 1)
      await expectFlow(heard, guardStore(redisStore(client, { prefix })))
    },
  )

  it.each(Object.entries(SINGLE))(
    'come back when a connection has died without a word, with %s',
    async (_, connect) => {
      const client = await connect()
      const driver = driverOf(client)
      let connections = 0
      let isDeaf = false
      const heard: StoreNotice[] = []
      const dying: RedisDriver = {
        ...driver,
        listen: (channels, onMessage, onLost) => {
          connections += 1
          isDeaf = false
          const hear = (channel: string, message: string) => {
            if (!isDeaf) onMessage(channel, message)
          }
          return driver.listen(channels, hear, onLost)
        },
      }
      const prefix = freshPrefix()
      const channel = `${prefix}notices`
      const subscription = await listenToNotices(dying, channel, (one) => heard.push(one), 100)
      open.push(() => subscription.close())
      await new Promise((resolve) => setTimeout(resolve, 500))
      expect([connections, heard]).toEqual([1, []])
      isDeaf = true
      await until('it says that it resumed', () => countOf(heard, 'resumed') === 1)
      await expectFlow(heard, redisStore(client, { prefix }))
    },
  )

  it('say nothing of a subscription that was closed while the server was away', async () => {
    const heard: StoreNotice[] = []
    const store = redisStore(quiet(new Redis(single.port, host)))
    const subscription = await store.subscribe?.((notice) => heard.push(notice))
    await single.kill()
    await subscription?.close()
    await single.start()
    await new Promise((resolve) => setTimeout(resolve, 500))
    expect(heard).toEqual([])
    expect(await single.cli('PUBSUB', 'CHANNELS')).toBe('\n')
  })
})

// A client may move more than once until everybody agrees on the master, and what is said meanwhile is lost: then the
// store must say that it resumed.
async function flowsAgain(heard: readonly StoreNotice[], store: SessionStore): Promise<void> {
  for (;;) {
    const before = countOf(heard, 'resumed')
    try {
      await expectFlow(heard, store)
      return
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('never: ')) throw error
      await until('it says that it resumed again', () => countOf(heard, 'resumed') > before)
    }
  }
}

describe('redisStore over a failover', () => {
  it.each(Object.entries(SENTINEL))(
    'works again by itself when sentinels have replaced the master, with %s',
    { timeout: 60_000 },
    async (_, connect) => {
      onTestFailed(() => console.error(logsOf([...sentinel.servers, ...sentinel.sentinels])))
      const prefix = freshPrefix()
      const store = guardStore(redisStore(await connect(), { prefix }), 1000)
      const heard = await listening(store)
      const kept = sample('kept')
      await store.insert(kept)
      const number = (await store.acquireLease('lease', 1)) ?? 0
      const master = await sentinel.master()
      await replicated(master)
      await master.kill()
      const wrong: unknown[] = []
      const reading = setInterval(() => {
        Promise.resolve(store.get('kept')).then(
          (found) => {
            if (found === undefined) wrong.push('not there')
          },
          () => {},
        )
      }, 50)
      await sentinel.failedOver(master)
      await succeeds(() => Promise.resolve(store.insert(sample(`after-${Date.now()}`))), 10_000)
      clearInterval(reading)
      expect(wrong).toEqual([])
      expect(await store.get('kept')).toEqual(kept)
      expect((await store.acquireLease('lease', 1000)) ?? 0).toBeGreaterThan(number)
      await until('it says that it resumed', () => countOf(heard, 'resumed') > 0)
      await flowsAgain(heard, store)
      await sentinel.restored(master)
    },
  )

  it.each(Object.entries(CLUSTER))(
    'works again by itself when a replica has replaced a master of a Cluster, with %s',
    { timeout: 60_000 },
    async (_, connect) => {
      const prefix = freshPrefix()
      const store = guardStore(redisStore(await connect(), { prefix }), 1000)
      const heard = await listening(store)
      await store.insert(sample('kept'))
      const master = await cluster.masterOf(`${prefix}session:{kept}`)
      await replicated(master)
      await master.kill()
      await succeeds(
        () => Promise.resolve(store.touch('kept', Date.now(), Date.now() + 7e5)),
        20_000,
      )
      expect((await store.get('kept'))?.id).toBe('kept')
      await flowsAgain(heard, store)
      await master.start()
      await cluster.settled()
    },
  )

  it('follows slots that move to a replica, without a failed call', {
    timeout: 60_000,
  }, async () => {
    for (const connect of Object.values(CLUSTER)) {
      const prefix = freshPrefix()
      const store = redisStore(await connect(), { prefix })
      await store.insert(sample('kept'))
      await cluster.failover(await cluster.masterOf(`${prefix}session:{kept}`))
      await cluster.settled()
      expect((await store.get('kept'))?.id).toBe('kept')
      expect(await store.touch('kept', Date.now(), Date.now() + 700_000)).toBe(true)
      expect(await store.listBySubject('subject')).toHaveLength(1)
    }
  })
})
