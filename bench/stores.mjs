// @ts-check
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { postgresStore } from 'coatcheck/postgres-store'
import { redisStore } from 'coatcheck/redis-store'
import { sqliteStore } from 'coatcheck/sqlite-store'
import { Redis } from 'ioredis'
import pg from 'pg'
import { startPostgres } from '../test/support/postgres-server.ts'
import { startRedis } from '../test/support/redis-servers.ts'
import { memoryEngine, postgresEngines, redisEngines, sqliteEngine } from './stores/engines.mjs'
import { measureGrowth } from './stores/growth.mjs'
import { measureReads } from './stores/reads.mjs'
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

/** @param {{ seconds: number, log: (line: string) => void }} options */
export async function run({ seconds, log }) {
  const many = seconds >= LONG_SECONDS ? 1_000_000 : Math.max(5000, Math.round(seconds * 1000))
  const redis = await redisEngines()
  const postgres = await postgresEngines()
  const engines = [memoryEngine(), sqliteEngine(), ...redis.engines, ...postgres.engines]
  const rows = []
  const figures = []
  try {
    for (const engine of engines) {
      log(`reads: ${engine.name}`)
      const { ratio } = await measureReads(engine, seconds / (engines.length * 2))
      rows.push({ what: `read, ${engine.name}`, ratio, of: 'the bare driver' })
      // A Map is no driver: what is told of memory is told for comparison.
      if (engine.engine !== 'memory') {
        figures.push({
          name: `read, ${engine.name}`,
          value: ratio,
          aim: `>= ${READS}`,
          ok: ratio >= READS,
        })
      }
    }
    for (const engine of engines.filter(isFirstOfItsKind)) {
      log(`growth: ${engine.name}, ${many} sessions`)
      const { ratio, bytesEach } = await measureGrowth(engine, many, log)
      rows.push({
        what: `p99 with ${many} sessions, ${engine.name}`,
        ratio,
        of: 'with 1,000',
        'GB a million': (bytesEach / 1000).toFixed(2),
      })
      figures.push({
        name: `p99 at ${many}, ${engine.name}`,
        value: ratio,
        aim: `<= ${P99}`,
        ok: ratio <= P99,
      })
    }
  } finally {
    for (const engine of engines) await engine.close()
    await redis.close()
    await postgres.close()
  }
  for (const { what, processes, ratio, overMs } of await waiters(seconds, log)) {
    const most = WAITER + (processes > 1 ? POLL_MS / CALL_MS : 0)
    rows.push({ what, ratio, of: `the token call; ${overMs.toFixed(1)} ms more` })
    figures.push({ name: what, value: ratio, aim: `<= ${most.toFixed(2)}`, ok: ratio <= most })
  }
  return { rows, figures }
}

/**
 * @param {import('./stores/engines.mjs').Engine} engine
 * @param {number} index
 * @param {readonly import('./stores/engines.mjs').Engine[]} all
 */
function isFirstOfItsKind(engine, index, all) {
  return all.findIndex(({ engine: kind }) => kind === engine.engine) === index
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
