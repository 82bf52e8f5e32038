import {
  addKey,
  describeKeyRing,
  forgetKey,
  type KeyRingFile,
  type KeyStanding,
  promoteKey,
  retirableAt,
  retireKey,
} from 'coatcheck/ring'
import { Command, InvalidArgumentError } from 'commander'
import {
  describeKeys,
  explainAdded,
  explainEarly,
  explainPromoted,
  explainRetired,
} from './keys-words.ts'
import { readRingFile } from './ring.ts'
import { changeRing, writeNewRing } from './ring-writing.ts'
import { livesOf } from './session-lives.ts'

interface LifeOptions {
  readonly config?: readonly string[]
  readonly absoluteSeconds?: number
}

interface RetireOptions extends LifeOptions {
  readonly force?: boolean
}

const FILE = 'the key ring, as `ring.file` of the configuration names it'

/** `coatcheck keys`: a ring's keys, from the first to the last. No key is ever printed. */
export function createKeysCommand(): Command {
  const command = new Command('keys')
    .description('make a key ring, and rotate its keys without signing anyone out')
    .addHelpText('after', '\nHow to rotate, and when: docs/guides/key-rotation.md')
  command
    .command('new', { isDefault: true })
    .description('make a ring that only its owner can read; `keys FILE` does the same')
    .argument('<file>', 'where to write it; an existing file is never overwritten')
    .action((file: string) => {
      writeNewRing(file)
      console.log(`${file} holds a new key ring. Keep it out of backups that others read.`)
    })
  withLife(command.command('list'))
    .description('show which key seals, which ones only open, and from when on they may go')
    .argument('<file>', FILE)
    .option('--json', 'print JSON')
    .action((file: string, options: LifeOptions & { readonly json?: boolean }) => {
      const standings = describeKeyRing(readRingFile(file))
      if (options.json === true) console.log(JSON.stringify(standings, null, 2))
      else console.log(describeKeys(standings, lifeSecondsOf(options)))
    })
  command
    .command('rotate')
    .description('take the next step: add a key that waits; later, let the waiting key seal')
    .argument('<file>', FILE)
    .option('--now', 'do not wait a minute: every gateway has read the waiting key')
    .action((file: string, options: { readonly now?: boolean }) => {
      const ring = changeRing(file, (former) => nextStep(former, options.now === true))
      const standings = describeKeyRing(ring)
      const isAdded = standings.some(({ role }) => role === 'waiting')
      console.log(isAdded ? explainAdded(file, standings) : explainPromoted(file, standings))
    })
  withLife(command.command('retire'))
    .description('take a key away that nothing needs any more')
    .argument('<file>', FILE)
    .argument('<id>', 'the key, as `keys list` shows it')
    .option('--force', 'take it away now, and sign out whoever still needs it')
    .action((file: string, id: string, options: RetireOptions, self: Command) => {
      const standing = describeKeyRing(readRingFile(file)).find((key) => key.id === id)
      const absoluteSeconds = lifeSecondsOf(options)
      if (options.force === true) changeRing(file, (ring) => forgetKey(ring, id))
      else {
        const refusal = refusalOf(standing, absoluteSeconds)
        if (refusal !== undefined) self.error(refusal)
        changeRing(file, (ring) => retireKey(ring, id, { absoluteSeconds: absoluteSeconds ?? 0 }))
      }
      console.log(explainRetired(file, id, standing, options.force === true))
    })
  return command
}

function nextStep(ring: KeyRingFile, isNow: boolean): KeyRingFile {
  const waits = describeKeyRing(ring).some(({ role }) => role === 'waiting')
  if (!waits) return addKey(ring)
  return promoteKey(ring, isNow ? { reloadSeconds: 0 } : {})
}

// How long sessions live is never guessed: a wrong guess would sign people out.
function refusalOf(
  standing: KeyStanding | undefined,
  absoluteSeconds: number | undefined,
): string | undefined {
  if (standing?.role !== 'former') return undefined
  if (absoluteSeconds === undefined) {
    return 'Say how long sessions live: --config coatcheck.yaml, or --absolute-seconds 43200.'
  }
  const dueAt = retirableAt(standing, absoluteSeconds)
  return dueAt === undefined || Date.now() >= dueAt ? undefined : explainEarly(standing, dueAt)
}

function withLife(command: Command): Command {
  return command
    .option(
      '--config <file>',
      'a configuration that uses the ring; once for each',
      (file: string, files: readonly string[] = []) => [...files, file],
    )
    .option(
      '--absolute-seconds <seconds>',
      'or how long sessions live at most, remembered ones too',
      parseSeconds,
    )
}

function parseSeconds(text: string): number {
  const seconds = Number(text)
  if (Number.isInteger(seconds) && seconds > 0) return seconds
  throw new InvalidArgumentError('It must be a whole number of seconds.')
}

function lifeSecondsOf({ config = [], absoluteSeconds }: LifeOptions): number | undefined {
  const given = absoluteSeconds === undefined ? [] : [absoluteSeconds]
  const all = [...given, ...config.flatMap(livesOf)]
  return all.length === 0 ? undefined : Math.max(...all)
}
