import { createClient } from '@redis/client'
import { Redis } from 'ioredis'
import { Redis as Valkey } from 'iovalkey'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type RedisServer, startRedis } from '../../../../../test/support/redis-server.ts'
import { storedSession } from '../../../../../test/support/stored-session.ts'
import { guardStore } from '../guarded-store.ts'
import { redisStore } from './redis.ts'
import type { RedisClient } from './redis-client.ts'

const sample = (index: number) =>
  storedSession(String(index), { body: new Uint8Array(2800).fill(index) })

let server: RedisServer
const open: (() => unknown)[] = []

function disconnecting(client: Redis | Valkey): RedisClient {
  client.on('error', () => {})
  open.push(() => client.disconnect())
  return client
}

const CLIENTS: Readonly<Record<string, () => Promise<RedisClient>>> = {
  ioredis: async () => disconnecting(new Redis(server.port, '127.0.0.1')),
  iovalkey: async () => disconnecting(new Valkey(server.port, '127.0.0.1')),
  'node-redis': async () => {
    const client = createClient({ url: server.url })
    client.on('error', () => {})
    await client.connect()
    open.push(() => client.destroy())
    return client
  },
}

/** How often the server was asked each way since its counters were reset. */
async function asked(): Promise<{ readonly get: number; readonly mget: number }> {
  const stats = await server.cli('INFO', 'commandstats')
  const calls = (name: string) =>
    Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(stats)?.[1] ?? 0)
  return { get: calls('get'), mget: calls('mget') }
}

beforeAll(async () => {
  server = await startRedis()
})

afterEach(async () => {
  for (const close of open.splice(0)) await close()
  await server.cli('FLUSHALL')
})

afterAll(async () => {
  await server.close()
})

describe.each(Object.keys(CLIENTS))('redisStore reads with %s', (name) => {
  const connect = () => CLIENTS[name]?.() ?? Promise.reject(new Error(name))

  it('give everybody who asks at once their own session, in a few commands', async () => {
    const store = redisStore(await connect())
    const sessions = Array.from({ length: 40 }, (_, index) => sample(index))
    for (const session of sessions) await store.insert(session)
    await server.cli('DEL', `coatcheck:session:{${sample(7).id}}`)
    await server.cli('DEL', `coatcheck:session:{${sample(8).id}}`)
    await server.cli('HSET', `coatcheck:session:{${sample(8).id}}`, 'field', 'value')
    await server.cli('CONFIG', 'RESETSTAT')
    const found = await Promise.all(sessions.map(({ id }) => store.get(id)))
    expect(found).toEqual(
      sessions.map((session, index) => (index === 7 || index === 8 ? undefined : session)),
    )
    expect(await asked()).toEqual({ get: 1, mget: 3 })
  })

  it('are a GET for who reads alone', async () => {
    const store = redisStore(await connect())
    const session = sample(1)
    await store.insert(session)
    await server.cli('CONFIG', 'RESETSTAT')
    expect(await store.get(session.id)).toEqual(session)
    expect(await asked()).toEqual({ get: 1, mget: 0 })
  })

  it('go one by one where the user may not run MGET', async () => {
    const store = redisStore(await connect())
    for (const index of [1, 2, 3]) await store.insert(sample(index))
    await server.cli('ACL', 'SETUSER', 'default', '-mget')
    try {
      await server.cli('CONFIG', 'RESETSTAT')
      const both = async () =>
        (await Promise.all([1, 2, 3].map((index) => store.get(sample(index).id)))).map(
          (session) => session?.body[0],
        )
      expect(await both()).toEqual([1, 2, 3])
      expect(await both()).toEqual([1, 2, 3])
      expect(await asked()).toEqual({ get: 6, mget: 0 })
    } finally {
      await server.cli('ACL', 'SETUSER', 'default', '+mget')
    }
  })

  it('reject, all of them, when the server does not answer', async () => {
    const store = guardStore(redisStore(await connect()), 400)
    for (const index of [1, 2, 3]) await store.insert(sample(index))
    server.pause()
    try {
      const reads = await Promise.allSettled([1, 2, 3].map((index) => store.get(sample(index).id)))
      const codes = reads.map((read) => (read.status === 'rejected' ? read.reason.code : 'none'))
      expect(codes).toEqual(reads.map(() => 'store_unavailable'))
    } finally {
      server.resume()
    }
  })
})
