// @ts-check
// What `bench` and `lab` share: names, options, the run on Node 24, and how results are told.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ensureBrowser } from './browsers.mjs'
import { list, readChoices, readOptions } from './proof-options.mjs'
import { tellResult, writeSection } from './proof-result.mjs'
import { ensureServers } from './servers.mjs'
import { ensureSetup } from './setup.mjs'
import { root } from './step.mjs'

const CHILD = 'COATCHECK_PROOF'

/**
 * @typedef {{ name: string, value: number | string, aim: string, ok: boolean }} Figure
 * @typedef {{ rows: Record<string, unknown>[], figures: Figure[] }} Result
 */

/** @param {string} file */
export function isProof(file) {
  return (
    file.endsWith('.mjs') &&
    /^export (async function|const|function) run\b/m.test(readFileSync(file, 'utf8'))
  )
}

/**
 * What a proof says that it needs beyond the packages: `export const needs = ['servers', 'browser']`. Read, not
 * imported: that takes a set-up.
 * @param {string} file
 */
function needsOf(file) {
  const list = /^export const needs = \[(.*)\]/m.exec(readFileSync(file, 'utf8'))?.[1] ?? ''
  return [...list.matchAll(/'(\w+)'/g)].map(([, word]) => word)
}

/** @param {{ kind: 'bench' | 'lab', results: string }} options */
export async function prove({ kind, results }) {
  const folder = join(root, kind)
  const files = existsSync(folder) ? readdirSync(folder).sort() : []
  const names = files
    .filter((file) => isProof(join(folder, file)))
    .map((file) => file.replace('.mjs', ''))
  const { name, options } = readOptions(kind, names)
  if (name === undefined) return list(kind, names, options.help === true)

  if (process.env[CHILD] === undefined) {
    const needs = needsOf(join(folder, `${name}.mjs`))
    const { node24 } = ensureSetup({ browser: needs.includes('browser') })
    if (needs.includes('servers')) ensureServers()
    for (const browser of /** @type {const} */ (['firefox', 'webkit'])) {
      if (options.browser === browser || options.browser === 'all') ensureBrowser(browser)
    }
    const again = ['--expose-gc', ...process.argv.slice(1)]
    const { status } = spawnSync(node24, again, {
      stdio: 'inherit',
      env: { ...process.env, [CHILD]: '1' },
    })
    process.exitCode = status ?? 1
    return
  }
  const seconds = options.seconds
  const module = await import(pathToFileURL(join(folder, `${name}.mjs`)).href)
  /** @type {Result} */
  const result = await module.run({
    seconds,
    ...readChoices(module.choices ?? {}, options),
    log: (/** @type {string} */ text) => console.error(text),
  })
  if (options.write)
    writeSection({ file: join(root, results), kind, name, about: module.about, seconds, result })
  process.exitCode = tellResult({ name, seconds, result, json: options.json }) ? 0 : 1
  // A server or browser that a proof left behind must not keep it from ending.
  process.stdout.write('', () => process.exit())
}
