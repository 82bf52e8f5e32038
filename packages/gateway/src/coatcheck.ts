#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { CoatcheckError } from 'coatcheck'
import { Command } from 'commander'
import { ConfigError } from './config.ts'
import { readConfigFile } from './config-file.ts'
import { checkGateway, startGateway } from './gateway.ts'
import { createKeysCommand } from './keys-command.ts'
import { createSessionsCommand } from './sessions-command.ts'

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))

const program = new Command('coatcheck')
  .description('Sign-in, sessions, guard and proxy in front of any app.')
  .version(version)
  .showHelpAfterError()

program
  .command('serve')
  .description('run the gateway')
  .argument('<file>', 'configuration, YAML or JSON: docs/configuration.md')
  .option('--check', 'check the configuration and stop')
  .action(async (file: string, options: { check?: boolean }) => {
    const config = readConfigFile(file)
    if (options.check === true) {
      checkGateway(config)
      console.log(`${file} is in order.`)
      return
    }
    const gateway = await startGateway(config)
    console.log(`Gateway at ${gateway.origin}`)
    console.log(`ready: ${JSON.stringify({ origin: gateway.origin, port: gateway.port })}`)
    stopOnSignal(gateway.close)
  })

program.addCommand(createKeysCommand())
program.addCommand(createSessionsCommand())

function stopOnSignal(close: () => Promise<void>): void {
  let stopping = false
  const stop = (): void => {
    if (stopping) process.exit(1)
    stopping = true
    close().then(
      () => process.exit(0),
      () => process.exit(1),
    )
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
}

program.parseAsync().catch((error: unknown) => {
  const told = error instanceof ConfigError || error instanceof CoatcheckError
  console.error(
    told ? error.message : 'The gateway stopped: an error without a code. Run with --help.',
  )
  if (!told && error instanceof Error) console.error(`${error.name}: ${error.message}`)
  process.exit(1)
})
