// @ts-check
// The stores of a storm: real servers, and what can go wrong with them.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { startPostgres } from '../../test/support/postgres-server.ts'
import { startRedisCluster } from '../../test/support/redis-cluster.ts'
import { startRedisSentinel } from '../../test/support/redis-sentinel.ts'
import { startRedis } from '../../test/support/redis-server.ts'

/**
 * @typedef {{ config: object, dump?: () => Promise<Buffer[]>, restart?: () => Promise<void>, failover?: () => Promise<void>, close: () => Promise<void> }} StormStore
 */

/**
 * @param {string} kind
 * @returns {Promise<StormStore>}
 */
export async function startStore(kind) {
  switch (kind) {
    case 'sqlite':
      return { config: { kind: 'sqlite', file: 'sessions.sqlite' }, close: async () => {} }
    case 'redis': {
      const server = await startRedis()
      return {
        config: { kind: 'redis', url: server.url },
        dump: () => dumpRedis(server),
        close: () => server.close(),
      }
    }
    case 'cluster': {
      const cluster = await startRedisCluster()
      return {
        config: { kind: 'redis', url: cluster.servers[0]?.url, cluster: true },
        failover: async () => {
          const [master] = await cluster.masters()
          await master?.kill()
        },
        close: () => cluster.close(),
      }
    }
    case 'sentinel': {
      const sentinel = await startRedisSentinel()
      const [port] = sentinel.sentinelPorts
      const url = `redis://127.0.0.1:${port}`
      return {
        config: { kind: 'redis', url, sentinel: { masterName: sentinel.name } },
        failover: async () => {
          const master = await sentinel.master()
          await master.kill()
          await sentinel.failedOver(master)
        },
        close: () => sentinel.close(),
      }
    }
    case 'postgres': {
      const server = await startPostgres()
      return {
        config: { kind: 'postgres', url: server.url },
        dump: async () => [Buffer.from(await server.dump())],
        restart: () => server.restart(),
        close: () => server.close(),
      }
    }
    default:
      throw new Error(`no store ${kind}`)
  }
}

/**
 * The file that a server writes, and every value as its clients get it.
 * @param {import('../../test/support/redis-server.ts').RedisServer} server
 */
async function dumpRedis(server) {
  await server.cli('SAVE')
  const client = new Redis(server.url)
  const parts = [readFileSync(join(server.folder, 'dump.rdb'))]
  for (const key of await client.keys('*')) {
    parts.push(Buffer.from(key))
    const value = await client.getBuffer(key).catch(() => null)
    if (value !== null) parts.push(value)
  }
  client.disconnect()
  return parts
}
