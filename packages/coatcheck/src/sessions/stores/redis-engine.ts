import type { Clock } from '../../core/clock.ts'
import { checkEngine } from './redis-check.ts'
import type { RedisDriver, RunCommand } from './redis-client.ts'
import { type RedisKeys, redisKeys } from './redis-keys.ts'
import { redisReads } from './redis-reads.ts'
import { type RunScript, scriptRunner } from './redis-run-script.ts'

/** A server that was looked at before the first command, and how time is told there. */
export interface RedisEngine {
  readonly keys: RedisKeys
  readonly run: RunCommand
  /** The value of a key. */
  read(key: string): Promise<unknown>
  readonly script: RunScript
  /** Looks at the server, once it has succeeded never again. */
  prepare(): Promise<void>
  /** What every script begins with: whose time decides, and the caller's. */
  time(): readonly [string, string]
  /** Whether a time of the caller's clock is over; where the server's decides, it has removed what is. */
  isOver(until: number): boolean
}

/** What a store works with. */
export function redisEngine(
  driver: RedisDriver,
  prefix: string,
  clock: Clock | undefined,
  allowsEviction: boolean,
): RedisEngine {
  const read = redisReads(driver)
  let isReady = false
  let preparing: Promise<void> | undefined

  function prepare(): Promise<void> {
    if (isReady) return Promise.resolve()
    preparing ??= checkEngine(driver, allowsEviction)
      .then(() => {
        isReady = true
      })
      // A server that was away, or has been corrected, is looked at again.
      .finally(() => {
        preparing = undefined
      })
    return preparing
  }

  const run: RunCommand = (key, command) =>
    isReady ? driver.run(key, command) : prepare().then(() => driver.run(key, command))

  return {
    keys: redisKeys(prefix),
    run,
    read: (key) => (isReady ? read(key) : prepare().then(() => read(key))),
    script: scriptRunner(run),
    prepare,
    time: () =>
      clock === undefined ? ['engine', String(Date.now())] : ['caller', String(clock())],
    isOver: (until) => clock !== undefined && until <= clock(),
  }
}
