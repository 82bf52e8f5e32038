// @ts-check
// Makes an unbuilt checkout ready: dependencies, build, Node 24, and for tests a Chromium.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ensureBrowser } from './browsers.mjs'
import { fail, root, run, say } from './step.mjs'

/**
 * Sets everything up that is missing, and ends the process with one line if it cannot.
 * @param {{ browser?: boolean }} [options]
 * @returns {{ node24: string, ownNode: string }} The Node with `node:sqlite`, and the machine's own.
 */
export function ensureSetup({ browser = false } = {}) {
  if (!isAtLeast(process.version, 20, 19)) {
    fail(`Node ${process.version} is too old: install Node 20.19 or newer from https://nodejs.org.`)
  }
  // Under npm `node` is the repository's own as soon as it is installed; npm itself runs on the machine's.
  const ownNode = process.env.npm_node_execpath ?? process.execPath
  if (!isInstalled()) {
    say('Installing dependencies ...')
    const npm = process.env.npm_execpath
    const [command, ...first] = npm === undefined ? ['npm'] : [ownNode, npm]
    // Not `npm ci`: it refuses a lock file without the optional packages of every other platform.
    run(
      command,
      [...first, 'install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'],
      {
        remedy:
          '`npm install` failed: look above; often the network is missing, or a folder belongs to root.',
        shell: npm === undefined && process.platform === 'win32',
      },
    )
  }
  const node24 = findNode24(ownNode)
  say('Building ...')
  run(node24, [join(root, 'node_modules/typescript/bin/tsc'), '-b'], {
    remedy: 'The build failed: look above.',
  })
  if (browser) ensureBrowser('chromium')
  return { node24, ownNode }
}

// npm notes what it has installed; an interrupted or older installation differs from the lock file.
function isInstalled() {
  const note = join(root, 'node_modules/.package-lock.json')
  if (!existsSync(note)) return false
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages
  const present = JSON.parse(readFileSync(note, 'utf8')).packages
  return Object.entries(wanted).every(([path, entry]) => {
    if (!path.includes('node_modules/')) return true
    const found = present[path]
    return found === undefined ? entry.optional === true : found.version === entry.version
  })
}

/** @param {string} ownNode */
function findNode24(ownNode) {
  const installed = join(
    root,
    'node_modules/.bin',
    process.platform === 'win32' ? 'node.cmd' : 'node',
  )
  for (const node of [installed, ownNode]) {
    const { stdout } = spawnSync(node, ['--version'], { encoding: 'utf8' })
    if (isAtLeast((stdout ?? '').trim(), 22, 13)) return node
  }
  return fail('No Node 22.13 or newer was found: install Node 24 from https://nodejs.org.')
}

/**
 * @param {string} version
 * @param {number} major
 * @param {number} minor
 */
function isAtLeast(version, major, minor) {
  const [ours = 0, theirs = 0] = version.replace('v', '').split('.').map(Number)
  return ours > major || (ours === major && theirs >= minor)
}
