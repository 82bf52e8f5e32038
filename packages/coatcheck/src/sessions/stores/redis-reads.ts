import { CoatcheckError } from '../../core/errors.ts'
import type { RedisDriver } from './redis-client.ts'
import { replyCodeOf } from './redis-run-script.ts'

/** As many records of 3 KB as one chunk of a socket holds. */
const MOST_AT_ONCE = 16

/** A user without the right to it, a server or proxy that does not know it, a server whose slots keep keys apart. */
const REFUSALS: readonly (string | undefined)[] = ['NOPERM', 'ERR', 'CROSSSLOT']

interface Reader {
  readonly key: string
  resolve(value: unknown): void
  reject(error: unknown): void
}

/**
 * Reads values. What is asked for within one turn of the event loop goes to the server as one `MGET`: calls of the
 * operating system are half of what a read costs. A read by itself is a `GET`, and so is each in a Cluster, and where
 * the server refuses `MGET`.
 */
export function redisReads(driver: RedisDriver): (key: string) => Promise<unknown> {
  if (driver.isCluster) return driver.read
  let waiting: Reader[] = []
  let isRefused = false

  async function readAlone({ key, resolve, reject }: Reader): Promise<void> {
    try {
      resolve(await driver.read(key))
    } catch (error) {
      reject(error)
    }
  }

  async function readTogether(readers: readonly Reader[]): Promise<void> {
    try {
      const keys = readers.map(({ key }) => key)
      const values = await driver.run(keys[0], ['MGET', ...keys])
      if (!Array.isArray(values) || values.length !== keys.length) {
        throw new CoatcheckError('store_unavailable')
      }
      for (const [place, { resolve }] of readers.entries()) resolve(values[place])
    } catch (error) {
      if (REFUSALS.includes(replyCodeOf(error))) {
        isRefused = true
        for (const reader of readers) void readAlone(reader)
      } else {
        for (const { reject } of readers) reject(error)
      }
    }
  }

  function send(): void {
    const readers = waiting
    waiting = []
    for (let from = 0; from < readers.length; from += MOST_AT_ONCE) {
      const part = readers.slice(from, from + MOST_AT_ONCE)
      if (part.length > 1 && !isRefused) void readTogether(part)
      else for (const reader of part) void readAlone(reader)
    }
  }

  return (key) =>
    new Promise((resolve, reject) => {
      if (waiting.length === 0) setImmediate(send)
      waiting.push({ key, resolve, reject })
    })
}
