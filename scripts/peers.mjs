// @ts-check
// Peers to measure against that would bring a framework along: each in a folder of its own, when a bench asks for it.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root, say } from './step.mjs'

const peers = join(root, 'node_modules/.peers')

/**
 * The folder of a package, installed once without its own peers; `undefined`, and one line that says so, where it
 * cannot be installed.
 * @param {string} name
 * @param {string} version
 * @returns {string | undefined}
 */
export function ensurePeer(name, version) {
  const folder = join(peers, `${name.replace('/', '-')}-${version}`)
  const installed = join(folder, 'node_modules', name)
  if (existsSync(installed)) return installed
  say(`Installing ${name} ${version} to measure against (once) ...`)
  // Whole or not at all: what was broken off is begun anew.
  const partial = `${folder}.partial`
  for (const old of [partial, folder]) rmSync(old, { recursive: true, force: true })
  mkdirSync(partial, { recursive: true })
  writeFileSync(join(partial, 'package.json'), JSON.stringify({ private: true }))
  if (!install(partial, `${name}@${version}`)) {
    say(
      `${name} ${version} could not be installed: look above. It is left out; run again when npm can reach it.`,
    )
    return undefined
  }
  renameSync(partial, folder)
  return installed
}

/**
 * @param {string} folder
 * @param {string} wanted
 */
function install(folder, wanted) {
  const npm = process.env.npm_execpath
  const [command, ...first] = npm === undefined ? ['npm'] : [process.execPath, npm]
  const bare = ['--no-save', '--legacy-peer-deps', '--ignore-scripts', '--workspaces=false']
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error']
  const { status } = spawnSync(
    command,
    [...first, 'install', '--prefix', folder, ...bare, ...quiet, wanted],
    {
      cwd: folder,
      // What is said here is no result: a result goes to standard output alone.
      stdio: ['ignore', 2, 2],
      shell: npm === undefined && process.platform === 'win32',
    },
  )
  return status === 0
}
