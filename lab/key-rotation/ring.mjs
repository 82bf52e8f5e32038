// @ts-check
// A key ring as an operator handles it: by the command alone, while gateways use it.
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describeKeyRing } from 'coatcheck/ring'

const COMMAND = fileURLToPath(new URL('../../packages/gateway/dist/coatcheck.js', import.meta.url))
const RELOADED_WITHIN_MS = 30_000
const run = promisify(execFile)

/** @typedef {import('coatcheck/ring').KeyStanding} Key */

/** @param {{ folder: string, gateways: number }} options */
export function createRingHandler({ folder, gateways }) {
  /** @type {{ sealing: string, keys: string[] }[]} */
  const reloads = []

  /** @param {string[]} words */
  async function command(...words) {
    const { stdout } = await run(process.execPath, [COMMAND, ...words], { cwd: folder })
    return stdout
  }

  function list() {
    return describeKeyRing(JSON.parse(readFileSync(join(folder, 'ring.json'), 'utf8')))
  }

  /**
   * Does something to the ring, and waits until every gateway says that it has read what came of it.
   * @param {string[]} words
   */
  async function change(...words) {
    await command('keys', ...words)
    const keys = list()
    const wanted = JSON.stringify([keys.find(({ role }) => role === 'sealing')?.id, idsOf(keys)])
    const began = Date.now()
    const isRead = () =>
      reloads.filter(({ sealing, keys: ids }) => JSON.stringify([sealing, ids]) === wanted)
        .length >= gateways
    while (!isRead()) {
      if (Date.now() - began > RELOADED_WITHIN_MS) throw new Error('a gateway did not reload')
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    return keys
  }

  return {
    command,
    list,
    /** @param {any} line */
    log(line) {
      if (line.msg === 'ring.reloaded') reloads.push({ sealing: line.sealing, keys: line.keys })
    },
    add: () => change('rotate', 'ring.json'),
    promote: () => change('rotate', 'ring.json', '--now'),
    /** @param {string} id */
    forget: (id) => command('keys', 'retire', 'ring.json', id, '--force'),
    /**
     * Whether a key is kept that sessions may still need.
     * @param {string} id
     */
    refuses: (id) =>
      command('keys', 'retire', 'ring.json', id, '--config', 'gateway-0.json').then(
        () => false,
        () => true,
      ),
  }
}

/** @param {readonly Key[]} keys */
function idsOf(keys) {
  return keys.map(({ id }) => id)
}
