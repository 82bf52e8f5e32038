// @ts-check
// Each store beside the bare driver under it: the same server, the same connection, a value of the same size.
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
import { startRedis } from '../../test/support/redis-servers.ts'

/**
 * `put` and `read` are the bare driver's; `bytes` is what everything in the store takes, on disk or in memory.
 * @typedef {{
 *   name: string,
 *   engine: string,
 *   atOnce: number,
 *   store: import('coatcheck/memory-store').SessionStore,
 *   put: (key: string, value: Uint8Array) => unknown,
 *   read: (key: string) => unknown,
 *   bytes: () => number | Promise<number>,
 *   fill?: (work: () => Promise<void>) => Promise<void>,
 *   close: () => unknown,
 * }} Engine
 */

const IN_FLIGHT = 64

/** @returns {Engine} */
export function memoryEngine() {
  const values = new Map()
  return {
    name: 'memory',
    engine: 'memory',
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
export function sqliteEngine() {
  const folder = mkdtempSync(join(tmpdir(), 'coatcheck-bench-'))
  const file = join(folder, 'sessions.sqlite')
  const database = new DatabaseSync(file)
  const store = sqliteStore(database)
  database.exec('CREATE TABLE bare (key TEXT PRIMARY KEY, value BLOB NOT NULL)')
  const put = database.prepare('INSERT OR REPLACE INTO bare VALUES (?, ?)')
  const read = database.prepare('SELECT value FROM bare WHERE key = ?')
  return {
    name: 'node:sqlite',
    engine: 'sqlite',
    atOnce: 1,
    store,
    put: (key, value) => put.run(key, value),
    read: (key) => read.get(key),
    bytes: () => {
      database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
      return statSync(file).size
    },
    fill: async (work) => {
      // A million commits to the disk are not what is measured.
      database.exec('PRAGMA journal_mode = MEMORY')
      await work()
      database.exec('PRAGMA journal_mode = WAL')
    },
    close: () => {
      database.close()
      rmSync(folder, { recursive: true })
    },
  }
}

/** @returns {Promise<{ engines: Engine[], close: () => Promise<void> }>} */
export async function redisEngines() {
  const server = await startRedis()
  const url = server.url
  const io = new Redis(url)
  const valkey = new Valkey(url)
  const node = await createClient({ url }).connect()
  const bytes = async () => {
    const [, used = '0'] = /used_memory:(\d+)/.exec(await server.cli('INFO', 'memory')) ?? []
    return Number(used)
  }
  const shared = { engine: 'redis', atOnce: IN_FLIGHT, bytes, close: () => {} }
  const binary = node.withTypeMapping({ 36: Buffer })
  /** @type {Engine[]} */
  const engines = [
    {
      ...shared,
      name: 'ioredis',
      store: redisStore(io, { prefix: 'io:' }),
      put: (key, value) => io.set(key, Buffer.from(value)),
      read: (key) => io.getBuffer(key),
    },
    {
      ...shared,
      name: 'iovalkey',
      store: redisStore(valkey, { prefix: 'valkey:' }),
      put: (key, value) => valkey.set(key, Buffer.from(value)),
      read: (key) => valkey.getBuffer(key),
    },
    {
      ...shared,
      name: 'node-redis',
      store: redisStore(node, { prefix: 'node:' }),
      put: (key, value) => node.set(key, Buffer.from(value)),
      read: (key) => binary.get(key),
    },
  ]
  return {
    engines,
    close: async () => {
      io.disconnect()
      valkey.disconnect()
      node.destroy()
      await server.close()
    },
  }
}

/** @returns {Promise<{ engines: Engine[], close: () => Promise<void> }>} */
export async function postgresEngines() {
  const server = await startPostgres()
  const pool = new pg.Pool({ connectionString: server.url, max: 10 })
  const sql = postgres(server.url, { max: 10 })
  await pool.query('CREATE TABLE bare (key text PRIMARY KEY, value bytea NOT NULL)')
  const bytes = async () => {
    const { rows } = await pool.query('SELECT pg_database_size(current_database()) AS size')
    return Number(rows[0].size)
  }
  const shared = { engine: 'postgres', atOnce: IN_FLIGHT, bytes, close: () => {} }
  const text = 'SELECT value FROM bare WHERE key = $1'
  /** @type {Engine[]} */
  const engines = [
    {
      ...shared,
      name: 'pg',
      store: postgresStore(pool, { schema: 'by_pg' }),
      put: (key, value) =>
        pool.query('INSERT INTO bare VALUES ($1, $2) ON CONFLICT DO NOTHING', [key, value]),
      read: (key) => pool.query({ name: 'bare', text, values: [key] }),
    },
    {
      ...shared,
      name: 'postgres.js',
      store: postgresStore(sql, { schema: 'by_postgresjs' }),
      put: (key, value) => sql`INSERT INTO bare VALUES (${key}, ${value}) ON CONFLICT DO NOTHING`,
      read: (key) => sql`SELECT value FROM bare WHERE key = ${key}`,
    },
  ]
  return {
    engines,
    close: async () => {
      await pool.end()
      await sql.end()
      await server.close()
    },
  }
}
