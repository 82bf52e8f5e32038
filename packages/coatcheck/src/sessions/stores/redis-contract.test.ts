import { createClient, createCluster, createSentinel } from '@redis/client'
import { Redis, Cluster as RedisCluster } from 'ioredis'
import { Redis as Valkey, Cluster as ValkeyCluster } from 'iovalkey'
import { afterAll, beforeAll, describe, it } from 'vitest'
import {
  type RedisCluster as ClusterServers,
  startRedisCluster,
} from '../../../../../test/support/redis-cluster.ts'
import {
  type RedisSentinel as SentinelServers,
  startRedisSentinel,
} from '../../../../../test/support/redis-sentinel.ts'
import { type RedisServer, startRedis } from '../../../../../test/support/redis-server.ts'
import { sessionStoreContract } from '../../testing/session-store-contract.ts'
import { redisStore } from './redis.ts'
import type { RedisClient } from './redis-client.ts'

interface Connected {
  readonly client: RedisClient
  readonly close: () => unknown
}

let single: RedisServer
let cluster: ClusterServers
let sentinel: SentinelServers
let cases = 0

beforeAll(async () => {
  ;[single, cluster, sentinel] = await Promise.all([
    startRedis(),
    startRedisCluster(),
    startRedisSentinel(),
  ])
})

afterAll(async () => {
  await Promise.all([single.close(), cluster.close(), sentinel.close()])
})

const host = '127.0.0.1'
const nodes = () => cluster.ports.map((port) => ({ host, port }))
const sentinels = () => sentinel.sentinelPorts.map((port) => ({ host, port }))

const CLIENTS: Readonly<Record<string, () => Promise<Connected>>> = {
  'ioredis, one server': async () => disconnecting(new Redis(single.port, host)),
  'iovalkey, one server': async () => disconnecting(new Valkey(single.port, host)),
  'node-redis, one server': () => connecting(createClient({ url: single.url })),
  'ioredis, Cluster': async () => disconnecting(new RedisCluster(nodes())),
  'iovalkey, Cluster': async () => disconnecting(new ValkeyCluster(nodes())),
  'node-redis, Cluster': () =>
    connecting(createCluster({ rootNodes: nodes().map((socket) => ({ socket })) })),
  'ioredis, Sentinel': async () =>
    disconnecting(new Redis({ sentinels: sentinels(), name: sentinel.name })),
  'node-redis, Sentinel': () =>
    connecting(createSentinel({ name: sentinel.name, sentinelRootNodes: sentinels() })),
}

function disconnecting(client: RedisClient & { disconnect(): void }): Connected {
  return { client, close: () => client.disconnect() }
}

async function connecting(
  client: RedisClient & {
    on(event: 'error', listener: () => void): unknown
    connect(): Promise<unknown>
    destroy(): unknown
  },
): Promise<Connected> {
  client.on('error', () => {})
  await client.connect()
  return { client, close: () => client.destroy() }
}

for (const [name, connect] of Object.entries(CLIENTS)) {
  describe(`redisStore keeps the contract with ${name}`, () => {
    let connected: Connected
    beforeAll(async () => {
      connected = await connect()
    })
    afterAll(async () => {
      await connected.close()
    })
    const contract = sessionStoreContract(
      (clock) => {
        cases += 1
        return { store: redisStore(connected.client, { clock, prefix: `case-${cases}:` }) }
      },
      { engineExpires: true },
    )
    for (const { name: clause, run } of contract) it(clause, run)
  })
}
