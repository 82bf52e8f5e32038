import type { Counter } from 'coatcheck'
import { Command } from 'commander'
import { ConfigError, type GatewayConfig } from './config.ts'
import { readConfigFile } from './config-file.ts'
import { createGatewayCounter } from './gateway.ts'
import { readSecrets } from './gateway-secrets.ts'
import { createLog } from './log.ts'
import { openStore } from './store.ts'

type Listed = Awaited<ReturnType<Counter['listSessions']>>[number]

/** `coatcheck sessions`: what an operator does with the sessions of a person. */
export function createSessionsCommand(): Command {
  const command = new Command('sessions').description(
    'list or end the sessions of a person, in the store that the gateway uses',
  )
  command
    .command('list')
    .description('show when and where a person signed in, and how renewal of the tokens fared')
    .argument('<file>', 'configuration of the gateway')
    .argument('<subject>', "the person: the provider's sub")
    .option('--json', 'print JSON')
    .action(async (file: string, subject: string, options: { json?: boolean }) => {
      const sessions = await withCounter(file, (counter) => counter.listSessions(subject))
      if (options.json === true) console.log(JSON.stringify(sessions, null, 2))
      else console.log(describeAll(sessions))
    })
  command
    .command('end')
    .description('end all sessions of a person, or one')
    .argument('<file>', 'configuration of the gateway')
    .argument('<subject>', "the person: the provider's sub")
    .option('--session <id>', 'only the one that `list` shows under this id')
    .action(async (file: string, subject: string, options: { session?: string }) => {
      const selection = options.session === undefined ? {} : { session: options.session }
      const ended = await withCounter(file, (counter) => {
        counter.on('hand_off.sign_out_not_told', ({ partner, code }) => {
          console.error(`${partner} was not told (${code}): end the sessions there, too.`)
          process.exitCode = 1
        })
        return counter.endSessions(subject, selection)
      })
      console.log(`${ended} ${ended === 1 ? 'session' : 'sessions'} ended.`)
      if (ended > 0) {
        console.log(
          'Their refresh tokens stay valid at the provider: disable the person there too.',
        )
      }
    })
  return command
}

async function withCounter<T>(file: string, work: (counter: Counter) => Promise<T>): Promise<T> {
  const config = readConfigFile(file)
  refuseMemory(config)
  const secrets = readSecrets(config)
  const store = await openStore(config.sessions?.store, createLog('silent'))
  const { counter } = createGatewayCounter(config, secrets, store.store, createLog('silent'))
  try {
    await counter.ready()
    return await work(counter)
  } finally {
    await counter.close()
    await store.close()
  }
}

function refuseMemory(config: GatewayConfig): void {
  if (config.sessions?.kind === 'sealed-cookie') {
    throw new ConfigError([
      'sessions.kind: sealed-cookie keeps sessions in browsers, where nobody can list or end them: use ticket',
    ])
  }
  const kind = config.sessions?.store?.kind ?? 'memory'
  if (kind !== 'memory') return
  throw new ConfigError([
    'sessions.store: memory is known to the running gateway alone: use sqlite, redis or postgres',
  ])
}

function describeAll(sessions: readonly Listed[]): string {
  if (sessions.length === 0) return 'No session.'
  return sessions.map(describe).join('\n\n')
}

function describe(session: Listed): string {
  const { createdAt, lastSeenAt, expiresAt, address, userAgent, renewals } = session
  const lines = [
    `${session.session}  signed in ${time(createdAt)}, last seen ${time(lastSeenAt)}, ends ${time(expiresAt)}`,
    `          ${plain(address ?? 'address unknown')}, ${plain(userAgent ?? 'browser unknown')}`,
  ]
  for (const { at, by, outcome, why } of renewals) {
    lines.push(`          ${time(at)}  ${outcome}${why === undefined ? '' : ` (${why})`} by ${by}`)
  }
  return lines.join('\n')
}

// What browsers said of themselves is foreign text: nothing in it may steer a terminal.
function plain(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?')
}

function time(ms: number): string {
  return new Date(ms).toISOString().replace('T', ' ').slice(0, 19)
}
