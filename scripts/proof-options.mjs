// @ts-check
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { root } from './step.mjs'

const DEFAULT_SECONDS = 30
const LEAST_SECONDS = 2

/**
 * Reads the command line; a fault in it is said with the names that there are.
 * @param {string} kind
 * @param {readonly string[]} names
 */
export function readOptions(kind, names) {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        seconds: { type: 'string', default: String(DEFAULT_SECONDS) },
        json: { type: 'boolean', default: false },
        write: { type: 'boolean', default: false },
        store: { type: 'string' },
        fault: { type: 'string' },
        browser: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
    const seconds = Number(values.seconds)
    if (!(seconds >= LEAST_SECONDS))
      throw new Error(`--seconds takes a number, at least ${LEAST_SECONDS}`)
    if (positionals.length > 1) throw new Error('one name at a time')
    const name = values.help ? undefined : positionals[0]
    if (name !== undefined && !names.includes(name)) throw new Error(`there is no ${kind} ${name}`)
    return { name, options: { ...values, seconds } }
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}. Names: ${names.join(', ')}.`)
    return process.exit(2)
  }
}

/**
 * What a proof's own options say: what was given, else the first choice. A fault ends the process.
 * @param {Readonly<Record<string, readonly string[]>>} choices
 * @param {Readonly<Record<string, unknown>>} given
 * @returns {Record<string, string>}
 */
export function readChoices(choices, given) {
  for (const name of ['store', 'fault', 'browser']) {
    if (given[name] === undefined || choices[name] !== undefined) continue
    console.error(`This proof has no option --${name}.`)
    process.exit(2)
  }
  return Object.fromEntries(
    Object.entries(choices).map(([name, known]) => {
      const value = given[name] ?? known[0] ?? ''
      if (typeof value === 'string' && known.includes(value)) return [name, value]
      console.error(`--${name} takes one of: ${known.join(', ')}.`)
      return process.exit(2)
    }),
  )
}

/**
 * Prints the names with what each is about, without running any.
 * @param {string} kind
 * @param {readonly string[]} names
 * @param {boolean} help
 */
export function list(kind, names, help) {
  console.log(`npm run ${kind} -- NAME [--seconds N] [--json] [--write]\n`)
  for (const name of names) {
    const text = readFileSync(join(root, kind, `${name}.mjs`), 'utf8')
    const about = /^export const about =\s*(['"`])([\s\S]*?)\1/m.exec(text)?.[2] ?? ''
    console.log(`  ${name.padEnd(18)}${about}`)
    const choices = /^export const choices = \{([\s\S]*?)\n\}/m.exec(text)?.[1] ?? ''
    for (const [, option, known = ''] of choices.matchAll(/^ {2}(\w+): \[([^\]]*)\]/gm)) {
      console.log(
        `${' '.repeat(20)}--${option} ${known.replaceAll(/[\s']/g, '').replaceAll(',', '|').replace(/\|$/, '')}`,
      )
    }
  }
  if (help) {
    console.log(
      `\n  --seconds N   how long to measure (default ${DEFAULT_SECONDS}, at least ${LEAST_SECONDS})`,
    )
    console.log('  --json        print JSON instead of the table')
    console.log('  --write       write the table into the documentation')
  }
}
