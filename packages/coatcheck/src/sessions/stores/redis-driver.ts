import { CoatcheckError } from '../../core/errors.ts'
import type { RedisClient, RedisDriver } from './redis-client.ts'
import { ioredisDriver } from './redis-ioredis.ts'
import { nodeRedisDriver } from './redis-node-redis.ts'

/** The driver for a client, by its shape. Throws `wrong_use` for what is none. */
export function driverOf(client: RedisClient): RedisDriver {
  if (has(client, 'callBuffer', 'getBuffer', 'duplicate')) return ioredisDriver(client)
  if (has(client, 'sendCommand', 'withTypeMapping', 'duplicate')) {
    // A pool has no connection that could listen.
    if (!('execute' in client)) return nodeRedisDriver(client)
  }
  throw new CoatcheckError('wrong_use', {
    detail:
      'redisStore expects a client or Cluster of ioredis or iovalkey, or what createClient, createCluster or createSentinel of node-redis (5 or later) gives back.',
  })
}

function has<K extends string>(
  client: unknown,
  ...methods: readonly K[]
): client is Record<K, () => unknown> {
  if (typeof client !== 'object' || client === null) return false
  const members = client as Readonly<Record<string, unknown>>
  return methods.every((method) => typeof members[method] === 'function')
}
