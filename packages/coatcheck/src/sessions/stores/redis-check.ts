import { CoatcheckError } from '../../core/errors.ts'
import type { RedisDriver, RunCommand } from './redis-client.ts'
import { replyCodeOf } from './redis-run-script.ts'

const OLDEST = [6, 2] as const

/**
 * Rejects with `invalid_configuration` for a server that is too old, and for one that drops keys when its
 * memory is full: every key of ours has a lifetime, so each "volatile" policy takes sessions as well.
 */
export async function checkEngine(
  driver: Pick<RedisDriver, 'masters'>,
  allowsEviction: boolean,
): Promise<void> {
  const masters = await driver.masters()
  await Promise.all(masters.map((run) => checkServer(run, allowsEviction)))
}

async function checkServer(run: RunCommand, allowsEviction: boolean): Promise<void> {
  const [server, memory] = await Promise.all([infoOf(run, 'server'), infoOf(run, 'memory')])
  const version = server('redis_version')
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
    refuse(`the server has version ${version}: it needs 6.2 or later.`)
  }
  const policy = memory('maxmemory_policy')
  if (allowsEviction || memory('maxmemory') === '0' || policy === 'noeviction') return
  refuse(
    `the server's maxmemory-policy (${policy}) drops sessions when its memory is full: set it to noeviction, or accept that with [allowEviction].`,
  )
}

async function infoOf(run: RunCommand, section: string): Promise<(name: string) => string> {
  const text = await run(undefined, ['INFO', section]).catch((error: unknown) => {
    if (replyCodeOf(error) !== 'NOPERM') throw error
    return refuse('this user may not ask the server for its settings: grant it +info.')
  })
  const lines = text instanceof Uint8Array ? new TextDecoder().decode(text) : String(text)
  return (name) => new RegExp(`^${name}:(.{1,60}?)\\r?$`, 'm').exec(lines)?.[1] ?? ''
}

function refuse(fault: string): never {
  throw new CoatcheckError('invalid_configuration', { detail: `redisStore: ${fault}` })
}
