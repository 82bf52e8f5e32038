// @ts-check
import { spawnSync } from 'node:child_process'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The repository's root. */
export const root = resolve(dirname(fileURLToPath(import.meta.url)), '..')

/**
 * Runs one step of the set-up; if it fails, says the remedy and ends the process.
 * @param {string} command
 * @param {readonly string[]} parameters
 * @param {{ remedy: string, shell?: boolean, env?: NodeJS.ProcessEnv }} options
 */
export function run(command, parameters, { remedy, shell = false, env = process.env }) {
  // What set-up says is no result: a result goes to standard output alone.
  const { status } = spawnSync(command, parameters, {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell,
    env,
  })
  if (status !== 0) fail(remedy)
}

/**
 * Says what is being done: on standard error, where results do not go.
 * @param {string} text
 */
export function say(text) {
  console.error(text)
}

/**
 * Says what to do and ends the process.
 * @param {string} text
 * @returns {never}
 */
export function fail(text) {
  console.error(text)
  process.exit(1)
}
