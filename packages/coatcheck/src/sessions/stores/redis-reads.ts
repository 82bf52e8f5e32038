import { readsOfATurn } from './reads-of-a-turn.ts'
import type { RedisDriver } from './redis-client.ts'
import { replyCodeOf } from './redis-run-script.ts'

/** A user without the right to it, a server or proxy that does not know it, a server whose slots keep keys apart. */
const REFUSALS: readonly (string | undefined)[] = ['NOPERM', 'ERR', 'CROSSSLOT']

/** Reads values: alone by `GET`, together by `MGET`. In a Cluster, and where the server refuses `MGET`, always alone. */
export function redisReads(driver: RedisDriver): (key: string) => Promise<unknown> {
  if (driver.isCluster) return driver.read
  return readsOfATurn<unknown>({
    alone: driver.read,
    together: async (keys) => {
      const values = await driver.run(keys[0], ['MGET', ...keys])
      return Array.isArray(values) ? values : []
    },
    isRefusal: (error) => REFUSALS.includes(replyCodeOf(error)),
  })
}
