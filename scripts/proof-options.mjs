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
  }
  if (help) {
    console.log(
      `\n  --seconds N   how long to measure (default ${DEFAULT_SECONDS}, at least ${LEAST_SECONDS})`,
    )
    console.log('  --json        print JSON instead of the table')
    console.log('  --write       write the table into the documentation')
  }
}
