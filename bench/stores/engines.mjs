// @ts-check
// Each store beside the bare driver under it: the same server, the same connection, a value of the same size, which
// is over at some time too.
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { createClient } from '@redis/client'
import { memoryStore } from 'coatcheck/memory-store'
import { postgresStore } from 'coatcheck/postgres-store'
import { redisStore } from 'coatcheck/redis-store'
import { sqliteStore } from 'coatcheck/sqlite-store'
import { Redis } from 'ioredis'
import { Redis as Valkey } from 'iovalkey'
import pg from 'pg'
import postgres from 'postgres'
import { startPostgres } from '../../test/support/postgres-server.ts'
import { startRedis } from '../../test/support/redis-server.ts'

/**
 * `settle` lets an engine that was filled come to rest; `put` and `read` are the bare driver's; `bytes` is what everything in the store takes, on disk or in memory.
 * @typedef {{
 *   name: string,
 *   atOnce: number,
 *   store: import('coatcheck/memory-store').SessionStore,
 *   put: (key: string, value: Uint8Array) => unknown,
 *   read: (key: string) => unknown,
 *   bytes: () => number | Promise<number>,
 *   fill?: (work: () => Promise<void>) => Promise<void>,
 *   settle?: () => Promise<unknown>,
 *   close: () => unknown,
 * }} Engine
 */

const IN_FLIGHT = 64
const LIFE_MS = 86_400_000
const NEVER = Number.MAX_SAFE_INTEGER

/** Opens an engine by its name; it brings its own server, if it needs one. @type {Record<string, () => Promise<Engine>>} */
export const engines = {
  memory: async () => memoryEngine(),
  'node:sqlite': async () => sqliteEngine(),
  ioredis: () =>
    redisEngine('ioredis', (url) => {
      const client = new Redis(url)
      return {
        store: redisStore(client),
        put: (key, value) => client.set(key, Buffer.from(value), 'PX', LIFE_MS),
        read: (key) => client.getBuffer(key),
        end: () => client.disconnect(),
      }
    }),
  iovalkey: () =>
    redisEngine('iovalkey', (url) => {
      const client = new Valkey(url)
      return {
        store: redisStore(client),
        put: (key, value) => client.set(key, Buffer.from(value), 'PX', LIFE_MS),
        read: (key) => client.getBuffer(key),
        end: () => client.disconnect(),
      }
    }),
  'node-redis': () =>
    redisEngine('node-redis', async (url) => {
      const client = await createClient({ url }).connect()
      const binary = client.withTypeMapping({ 36: Buffer })
      return {
        store: redisStore(client),
        put: (key, value) => client.set(key, Buffer.from(value), { PX: LIFE_MS }),
        read: (key) => binary.get(key),
        end: () => client.destroy(),
      }
    }),
  pg: () =>
    postgresEngine('pg', (url) => {
      const pool = new pg.Pool({ connectionString: url, max: 10 })
      const text = 'SELECT value FROM bare WHERE key = $1 AND expires_at > $2'
      return {
        store: postgresStore(pool),
        run: async (sql) => (await pool.query({ text: sql, rowMode: 'array' })).rows,
        put: (key, value) =>
          pool.query('INSERT INTO bare VALUES ($1, $2, $3)', [key, value, NEVER]),
        read: (key) => pool.query({ name: 'bare', text, values: [key, Date.now()] }),
        end: () => pool.end(),
      }
    }),
  'postgres.js': () =>
    postgresEngine('postgres.js', (url) => {
      const sql = postgres(url, { max: 10, onnotice: () => {} })
      return {
        store: postgresStore(sql),
        run: async (text) => await sql.unsafe(text).values(),
        put: (key, value) => sql`INSERT INTO bare VALUES (${key}, ${value}, ${NEVER})`,
        read: (key) =>
          sql`SELECT value FROM bare WHERE key = ${key} AND expires_at > ${Date.now()}`,
        end: () => sql.end(),
      }
    }),
}

/** @returns {Engine} */
function memoryEngine() {
  const values = new Map()
  return {
    name: 'memory',
    atOnce: 1,
    store: memoryStore(),
    put: (key, value) => values.set(key, value),
    read: (key) => values.get(key),
    bytes: () => {
      globalThis.gc?.()
      const { heapUsed, arrayBuffers } = process.memoryUsage()
      return heapUsed + arrayBuffers
    },
    close: () => {},
  }
}

/** @returns {Engine} */
function sqliteEngine() {
  const folder = mkdtempSync(join(tmpdir(), 'coatcheck-bench-'))
  const file = join(folder, 'sessions.sqlite')
  const database = new DatabaseSync(file)
  const store = sqliteStore(database)
  database.exec(
    'CREATE TABLE bare (key TEXT PRIMARY KEY, value BLOB NOT NULL, expires_at INTEGER NOT NULL)',
  )
  const put = database.prepare('INSERT INTO bare VALUES (?, ?, ?)')
  const read = database.prepare('SELECT value FROM bare WHERE key = ? AND expires_at > ?')
  return {
    name: 'node:sqlite',
    atOnce: 1,
    store,
    put: (key, value) => put.run(key, value, NEVER),
    read: (key) => read.get(key, Date.now()),
    bytes: () => {
      database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
      return statSync(file).size
    },
    fill: async (work) => {
      // A million waits for the disk are not what is measured.
      database.exec('PRAGMA synchronous = OFF')
      await work()
      database.exec('PRAGMA synchronous = FULL')
    },
    close: () => {
      database.close()
      rmSync(folder, { recursive: true })
    },
  }
}

/**
 * @typedef {Pick<Engine, 'store' | 'put' | 'read'> & { end: () => unknown }} Opened
 * @param {string} name
 * @param {(url: string) => Opened | Promise<Opened>} open
 * @returns {Promise<Engine>}
 */
async function redisEngine(name, open) {
  const server = await startRedis()
  const { end, ...engine } = await open(server.url)
  return {
    ...engine,
    name,
    atOnce: IN_FLIGHT,
    bytes: async () => {
      const [, used = '0'] = /used_memory:(\d+)/.exec(await server.cli('INFO', 'memory')) ?? []
      return Number(used)
    },
    close: async () => {
      await end()
      await server.close()
    },
  }
}

/**
 * @param {string} name
 * @param {(url: string) => Opened & { run: (sql: string) => Promise<readonly any[]> }} open
 * @returns {Promise<Engine>}
 */
async function postgresEngine(name, open) {
  const server = await startPostgres()
  const { end, run, ...engine } = open(server.url)
  await run(
    'CREATE TABLE bare (key text PRIMARY KEY, value bytea NOT NULL, expires_at bigint NOT NULL)',
  )
  return {
    ...engine,
    name,
    atOnce: IN_FLIGHT,
    // What an hour of its own housekeeping does.
    settle: async () => {
      await run('VACUUM ANALYZE')
      await run('CHECKPOINT')
    },
    bytes: async () => Number((await run('SELECT pg_database_size(current_database())'))[0][0]),
    close: async () => {
      await end()
      await server.close()
    },
  }
}
