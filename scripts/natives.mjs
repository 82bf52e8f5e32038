// @ts-check
// better-sqlite3, compiled by the machine's own Node: a native of one Node does not load in another one.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { fail, root, run, say } from './step.mjs'

const VERSION = '12.11.1'
const natives = join(root, 'node_modules/.natives')

/**
 * The folder of the package for Nodes of this ABI, whether it is there or not.
 * @param {string} abi
 */
export function betterSqliteFolder(abi) {
  return join(natives, `better-sqlite3-${VERSION}-abi-${abi}`, 'node_modules/better-sqlite3')
}

/**
 * Compiles better-sqlite3 for this Node, once; ends the process with one line if it cannot.
 * @param {string} node
 */
export function ensureNatives(node) {
  const abi = spawnSync(node, ['-p', 'process.versions.modules'], {
    encoding: 'utf8',
  }).stdout.trim()
  const folder = join(natives, `better-sqlite3-${VERSION}-abi-${abi}`)
  if (loads(node, betterSqliteFolder(abi))) return
  say('Compiling better-sqlite3 (two minutes, once) ...')
  // Whole or not at all: what was broken off is begun anew.
  const partial = `${folder}.partial`
  for (const old of [partial, folder]) rmSync(old, { recursive: true, force: true })
  mkdirSync(partial, { recursive: true })
  const manifest = {
    private: true,
    dependencies: { 'better-sqlite3': VERSION },
    // npm asks from version 11 on which packages may run code when they are installed.
    allowScripts: { [`better-sqlite3@${VERSION}`]: true },
  }
  writeFileSync(join(partial, 'package.json'), JSON.stringify(manifest))
  const npm = process.env.npm_execpath
  const [command, ...first] = npm === undefined ? ['npm'] : [node, npm]
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error', '--ignore-scripts=false']
  run(command, [...first, 'install', '--prefix', partial, ...quiet], {
    remedy:
      'better-sqlite3 could not be compiled: look above; it takes a C++ compiler, make and Python 3 (Debian: apt-get install build-essential python3).',
    shell: npm === undefined && process.platform === 'win32',
    env: environmentOf(node),
  })
  renameSync(partial, folder)
  if (!loads(node, betterSqliteFolder(abi))) {
    fail(`better-sqlite3 was compiled in ${folder} but does not load: remove it and try again.`)
  }
}

/**
 * @param {string} node
 * @param {string} folder
 */
function loads(node, folder) {
  if (!existsSync(folder)) return false
  const script = `new (require(${JSON.stringify(folder)}))(':memory:').prepare('SELECT 1').get()`
  return spawnSync(node, ['-e', script]).status === 0
}

/**
 * The compiler's scripts run on the `node` that they find: ours must not come first. Where the machine has the
 * headers of this Node, nothing is fetched.
 * @param {string} node
 */
function environmentOf(node) {
  const path = (process.env.PATH ?? '')
    .split(delimiter)
    .filter((place) => !place.includes('node_modules'))
  const prefix = dirname(dirname(node))
  const hasHeaders = existsSync(join(prefix, 'include/node/node.h'))
  return {
    ...process.env,
    PATH: [dirname(node), ...path].join(delimiter),
    ...(hasHeaders ? { npm_config_nodedir: prefix } : {}),
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) ensureNatives(process.execPath)
