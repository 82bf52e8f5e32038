// @ts-check
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { postgresStore } from 'coatcheck/postgres-store'
import { redisStore } from 'coatcheck/redis-store'
import { sqliteStore } from 'coatcheck/sqlite-store'
import { Redis } from 'ioredis'
import pg from 'pg'
import { startPostgres } from '../test/support/postgres-server.ts'
import { startRedis } from '../test/support/redis-server.ts'
import { engines } from './stores/engines.mjs'
import { measureGrowth } from './stores/growth.mjs'
import { measureWaiters } from './stores/waiters.mjs'

export const name = 'stores'
export const about =
  'reading a 3 KB session beside the bare driver; what a million sessions take and whether a read notices them; how long twenty requests wait for one renewal'
export const aim =
  'reads >= 0.9 of the driver; p99 <= 1.2 times; the slowest waiter <= 1.3 times the token call, over processes and one poll'
export const needs = ['servers']

const READS = 0.9
const P99 = 1.2
const WAITER = 1.3
const POLL_MS = 20
const CALL_MS = 150
const LONG_SECONDS = 120

const GROWN = ['memory', 'node:sqlite', 'ioredis', 'pg']

/** @param {{ seconds: number, log: (line: string) => void }} options */
export async function run({ seconds, log }) {
  const many = seconds >= LONG_SECONDS ? 1_000_000 : Math.max(5000, Math.round(seconds * 1000))
  const names = Object.keys(engines)
  const rows = []
  const figures = []
  for (const name of names) {
    log(`reads: ${name}`)
    const { ratio, singly } = await readAlone(name, seconds / (names.length * 2))
    rows.push({ what: `read, ${name}`, ratio, of: 'the bare driver' })
    if (singly !== undefined) {
      const what = `read one after another, ${name}`
      rows.push({ what, ratio: singly, of: 'the bare driver' })
    }
    // A Map is no driver: what is told of memory is told for comparison.
    if (name === 'memory') continue
    figures.push({ name: `read, ${name}`, value: ratio, aim: `>= ${READS}`, ok: ratio >= READS })
  }
  for (const name of GROWN) {
    log(`growth: ${name}, ${many} sessions`)
    const { ratio, bytesEach } = await growthOf(name, many, log)
    rows.push({
      what: `p99 with ${many} sessions, ${name}`,
      ratio,
      of: 'with 1,000',
      'GB a million': (bytesEach / 1000).toFixed(2),
    })
    figures.push({
      name: `p99 at ${many}, ${name}`,
      value: ratio,
      aim: `<= ${P99}`,
      ok: ratio <= P99,
    })
  }
  for (const { what, processes, ratio, overMs } of await waiters(seconds, log)) {
    const most = WAITER + (processes > 1 ? POLL_MS / CALL_MS : 0)
    rows.push({ what, ratio, of: `the token call; ${overMs.toFixed(1)} ms more` })
    figures.push({ name: what, value: ratio, aim: `<= ${most.toFixed(2)}`, ok: ratio <= most })
  }
  return { rows, figures }
}

/**
 * @param {string} name
 * @param {number} seconds
 */
async function readAlone(name, seconds) {
  const script = fileURLToPath(new URL('stores/read-alone.mjs', import.meta.url))
  const parameters = [...process.execArgv, script, name, String(seconds)]
  const { stdout } = await promisify(execFile)(process.execPath, parameters)
  return /** @type {{ ratio: number, singly?: number }} */ (JSON.parse(stdout))
}

/**
 * @param {string} name
 * @param {number} many
 * @param {(line: string) => void} log
 */
function growthOf(name, many, log) {
  const open = engines[name]
  if (open === undefined) throw new Error(`no such engine: ${name}`)
  return measureGrowth(open, many, log)
}

/**
 * @param {number} seconds
 * @param {(line: string) => void} log
 */
async function waiters(seconds, log) {
  const rounds = seconds >= 20 ? 15 : 3
  const folder = mkdtempSync(join(tmpdir(), 'coatcheck-bench-'))
  const redis = await startRedis()
  const postgres = await startPostgres()
  /** @type {(() => unknown)[]} */
  const closing = []
  const openers = {
    'node:sqlite': () => {
      const database = new DatabaseSync(join(folder, 'sessions.sqlite'))
      closing.push(() => database.close())
      return sqliteStore(database)
    },
    ioredis: () => {
      const client = new Redis(redis.url)
      closing.push(() => client.disconnect())
      return redisStore(client)
    },
    pg: () => {
      const pool = new pg.Pool({ connectionString: postgres.url })
      closing.push(() => pool.end())
      return postgresStore(pool)
    },
  }
  const results = []
  try {
    for (const [driver, open] of Object.entries(openers)) {
      for (const processes of [1, 4]) {
        log(`waiters: ${driver}, ${processes}`)
        const measured = await measureWaiters(open, processes, rounds)
        const what = `slowest of 20, ${driver}, ${processes === 1 ? 'one process' : 'over four'}`
        results.push({ what, processes, ...measured })
      }
    }
  } finally {
    for (const close of closing) await close()
    await redis.close()
    await postgres.close()
    rmSync(folder, { recursive: true })
  }
  return results
}
