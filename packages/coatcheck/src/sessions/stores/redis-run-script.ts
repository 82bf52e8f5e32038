import { createHash } from 'node:crypto'
import type { RedisArgument, RunCommand } from './redis-client.ts'

/** Runs a script on keys of one slot. */
export type RunScript = (
  script: string,
  keys: readonly [string, ...string[]],
  ...args: readonly RedisArgument[]
) => Promise<unknown>

/**
 * Runs scripts by their digest, and sends the text where a server does not know it: after a restart, a
 * failover, or `SCRIPT FLUSH`.
 */
export function scriptRunner(run: RunCommand): RunScript {
  const digests = new Map<string, string>()
  function digestOf(script: string): string {
    const known = digests.get(script)
    if (known !== undefined) return known
    const digest = createHash('sha1').update(script).digest('hex')
    digests.set(script, digest)
    return digest
  }
  return async (script, keys, ...args) => {
    const rest = [String(keys.length), ...keys, ...args]
    try {
      return await run(keys[0], ['EVALSHA', digestOf(script), ...rest])
    } catch (error) {
      if (replyCodeOf(error) !== 'NOSCRIPT') throw error
      return run(keys[0], ['EVAL', script, ...rest])
    }
  }
}

/** The code of an error that the server answered: by the protocol, the first word of its text. */
export function replyCodeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  return /^[A-Z]+(?= )/.exec(error.message)?.[0]
}
