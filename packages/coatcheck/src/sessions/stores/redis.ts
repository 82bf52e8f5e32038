import type { Clock } from '../../core/clock.ts'
import { allowEviction } from '../../core/unsafe.ts'
import type { SessionStore } from '../session-store.ts'
import type { RedisClient } from './redis-client.ts'
import { redisCoordination } from './redis-coordination.ts'
import { driverOf } from './redis-driver.ts'
import { redisEngine } from './redis-engine.ts'
import { listenToNotices } from './redis-notices.ts'
import { redisSessions } from './redis-sessions.ts'

/** Options of {@link redisStore}. */
export interface RedisStoreOptions {
  /** What every key and the channel begin with; no braces. Two services on one server need two. Default: `coatcheck:`. */
  readonly prefix?: string
  /** Milliseconds since 1970; for tests. Default: the time of the server, so that processes need not agree. */
  readonly clock?: Clock
  /** Accepts a server that drops sessions when its memory is full. Default: refused by `prepare`. */
  readonly [allowEviction]?: boolean
}

/**
 * Sessions in Redis or Valkey: one server, a Cluster, or behind Sentinel. The server removes what is over by
 * itself, so `sweep` finds nothing. Holds neither tickets nor readable tokens.
 *
 * Throws `wrong_use` for a client it does not know; its operations reject with `invalid_configuration` for a
 * server whose settings would lose sessions.
 *
 * @example
 * const store = redisStore(new Redis('redis://127.0.0.1:6379'))
 */
export function redisStore(client: RedisClient, options: RedisStoreOptions = {}): SessionStore {
  const { clock, prefix = 'coatcheck:' } = options
  const driver = driverOf(client)
  const engine = redisEngine(driver, prefix, clock, options[allowEviction] === true)
  return {
    ...redisSessions(engine),
    ...redisCoordination(engine),
    // The server has removed it.
    sweep: () => [],
    prepare: engine.prepare,
    subscribe: async (listener) => {
      await engine.prepare()
      return listenToNotices(driver, engine.keys.channel, listener)
    },
  }
}
