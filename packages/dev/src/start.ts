#!/usr/bin/env node
import { ConfigError } from '@coatcheck/gateway'
import { Command, InvalidArgumentError, Option } from 'commander'
import { type Dev, startDev } from './dev.ts'
import { StartError } from './start-error.ts'

interface Flags {
  readonly port: number
  readonly data: string
  readonly https: boolean
  readonly accessTokenSeconds?: number
  readonly idleSeconds?: number
  readonly absoluteSeconds?: number
}

const ONE_WISH_MS = 1000

const command = new Command('npm start --')
  .description('A gateway with a sample page and API, and a real OpenID provider: all it needs.')
  .addOption(
    new Option('--port <number>', 'where the gateway listens')
      .env('PORT')
      .default(8080)
      .argParser(wholeNumber(1, 65_535)),
  )
  .option('--data <folder>', 'what keeps keys, sessions and grants', '.data')
  .option('--https', 'https with a certificate of its own, as Safari needs', false)
  .option(
    '--access-token-seconds <number>',
    'how long an access token lives',
    wholeNumber(5, 86_400),
  )
  .option('--idle-seconds <number>', 'the idle timeout of a session', wholeNumber(5, 86_400))
  .option('--absolute-seconds <number>', 'the absolute timeout', wholeNumber(5, 31_536_000))

try {
  const dev = await startDev(command.parse().opts<Flags>())
  stopOnSignal(dev)
  console.log(describe(dev))
  const { origin, provider, api, users, spkiSha256 } = dev
  console.log(`ready: ${JSON.stringify({ origin, provider, api, users, spkiSha256 })}`)
} catch (error) {
  const mendable = error instanceof StartError || error instanceof ConfigError
  if (!mendable) throw error
  const lines = error instanceof ConfigError ? error.faults : [error.message]
  console.error(lines.join('\n'))
  process.exitCode = 1
}

function stopOnSignal(dev: Dev): void {
  let askedAt: number | undefined
  const stop = (): void => {
    if (askedAt !== undefined) {
      // Ctrl+C reaches us from the terminal and from each process above; a later one means: now.
      if (Date.now() - askedAt > ONE_WISH_MS) process.exit(1)
      return
    }
    askedAt = Date.now()
    dev.close().then(
      () => process.exit(0),
      () => process.exit(1),
    )
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
}

function describe({ origin, spkiSha256, users }: Dev): string {
  const width = Math.max(...users.map(({ username }) => username.length), 'user'.length)
  const rows = users.map(({ username, password }) => `  ${username.padEnd(width)}  ${password}`)
  const trust =
    spkiSha256 === undefined
      ? []
      : ['', 'The certificate is its own: the browser warns once, and you let it pass.']
  return [
    '',
    `Open ${origin} and sign in:`,
    '',
    `  ${'user'.padEnd(width)}  password`,
    ...rows,
    ...trust,
    '',
    'Stop with Ctrl+C; sessions are kept.',
    '',
  ].join('\n')
}

function wholeNumber(from: number, to: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
    if (value >= from && value <= to) return value
    throw new InvalidArgumentError(`It must be a whole number from ${from} to ${to}.`)
  }
}
