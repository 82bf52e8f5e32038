import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { BINDING, newRing, tokenSet } from '../../../../../test/support/session-fixture.ts'
import {
  builtSubpath,
  sqliteEngines,
  type TestDatabase,
} from '../../../../../test/support/sqlite-engines.ts'
import { storedSession } from '../../../../../test/support/stored-session.ts'
import { createSessions } from '../sessions.ts'
import { sqliteStore } from './sqlite.ts'

let folder: string
let file: string
const open: TestDatabase[] = []

async function codeOf(work: () => unknown): Promise<string> {
  try {
    await work()
    return 'none'
  } catch (error) {
    return String((error as { readonly code?: unknown }).code)
  }
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'coatcheck-faults-'))
  file = join(folder, 'sessions.sqlite')
})

afterEach(() => {
  for (const database of open.splice(0)) database.close()
  rmSync(folder, { recursive: true })
})

describe.each(sqliteEngines())('sqliteStore over $name', (engine) => {
  function connect(): TestDatabase {
    const database = engine.open(file)
    open.push(database)
    return database
  }

  it('sets the file up for durability, with times in a narrow table', () => {
    const database = connect()
    sqliteStore(database)
    const pragma = (name: string) =>
      Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0]
    expect(pragma('journal_mode')).toBe('wal')
    expect(pragma('synchronous')).toBe(2)
    expect(pragma('page_size')).toBe(16384)
    expect(pragma('trusted_schema')).toBe(0)
    expect(Number(pragma('busy_timeout'))).toBeLessThanOrEqual(50)
  })

  it('keeps 32 MB of pages in memory, or more where the application chose so', () => {
    const cacheSizeOf = (chosen?: string) => {
      const database = connect()
      if (chosen !== undefined) database.exec(`PRAGMA cache_size = ${chosen}`)
      sqliteStore(database)
      return Object.values(database.prepare('PRAGMA cache_size').get() ?? {})[0]
    }
    expect(cacheSizeOf()).toBe(-32_768)
    expect(cacheSizeOf('-1000')).toBe(-32_768)
    expect(cacheSizeOf('100')).toBe(-32_768)
    expect(cacheSizeOf('-65536')).toBe(-65_536)
    expect(cacheSizeOf('5000')).toBe(5000)
  })

  it('waits for the disk with what must survive a power cut, whatever went before', async () => {
    const database = connect()
    const store = sqliteStore(database)
    const level = () => Object.values(database.prepare('PRAGMA synchronous').get() ?? {})[0]
    await store.insert(storedSession('one'))
    await store.touch(storedSession('one').id, Date.now(), Date.now() + 60_000)
    expect(level()).toBe(2)
    const number = await store.acquireLease('lease', 1000)
    expect(level()).toBe(2)
    await store.releaseLease('lease', number ?? 0)
    await store.putBlob('key', new Uint8Array(1), Date.now() + 60_000)
    expect(level()).toBe(2)
    const other = connect()
    other.exec('BEGIN IMMEDIATE')
    expect(await codeOf(() => store.acquireLease('lease', 1000))).toBe('store_unavailable')
    expect(level()).toBe(2)
    other.exec('ROLLBACK')
  })

  it('keeps sessions over a restart, and sets up what is set up already', async () => {
    const first = connect()
    await sqliteStore(first).insert(storedSession('one'))
    first.close()
    open.splice(0)
    const second = sqliteStore(connect())
    expect((await second.get(storedSession('one').id))?.body.length).toBe(2800)
    sqliteStore(connect())
  })

  it('takes over what an earlier release wrote', async () => {
    const database = connect()
    database.exec(`CREATE TABLE coatcheck_sessions (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,
      format INTEGER NOT NULL, version INTEGER NOT NULL, created_at INTEGER NOT NULL,
      subject_key TEXT NOT NULL, sid_key TEXT, wraps BLOB NOT NULL, body BLOB NOT NULL, card BLOB NOT NULL);
      CREATE TABLE coatcheck_times (number INTEGER PRIMARY KEY, last_seen_at INTEGER NOT NULL, expires_at INTEGER NOT NULL)`)
    const olds = [
      storedSession('one'),
      storedSession('two', { wraps: [new Uint8Array([1]), new Uint8Array([2, 3])], sidKey: 'sid' }),
    ]
    for (const old of olds) {
      const wraps = old.wraps.flatMap((wrap) => [wrap.length >> 8, wrap.length & 255, ...wrap])
      database
        .prepare('INSERT INTO coatcheck_sessions VALUES (NULL, ?, 1, 1, ?, ?, ?, ?, ?, ?)')
        .run(
          old.id,
          old.createdAt,
          old.subjectKey,
          old.sidKey ?? null,
          new Uint8Array(wraps),
          old.body,
          old.card,
        )
      database
        .prepare('INSERT INTO coatcheck_times VALUES (NULL, ?, ?)')
        .run(old.lastSeenAt, old.expiresAt)
    }
    const store = sqliteStore(database)
    for (const old of olds) expect(await store.get(old.id)).toEqual(old)
    const young = storedSession('three')
    await store.insert(young)
    expect(await sqliteStore(connect()).get(young.id)).toEqual(young)
  })

  it('answers store_unavailable on a full disk, and keeps the old record as it was', async () => {
    const database = connect()
    const store = sqliteStore(database)
    const old = storedSession('one')
    await store.insert(old)
    const { page_count: pages } = database.prepare('PRAGMA page_count').get() as {
      readonly page_count: number
    }
    database.exec(`PRAGMA max_page_count = ${pages}`)
    const large = new Uint8Array(200_000).fill(9)
    expect(await codeOf(() => store.insert(storedSession('two', { body: large })))).toBe(
      'store_unavailable',
    )
    expect(await codeOf(() => store.replace({ ...old, version: 2, body: large }, 1))).toBe(
      'store_unavailable',
    )
    expect(await codeOf(() => store.putBlob('key', large, Date.now() + 60_000))).toBe(
      'store_unavailable',
    )
    expect(await store.get(old.id)).toEqual(old)
    expect(await store.get(storedSession('two').id)).toBeUndefined()
    database.exec('PRAGMA max_page_count = 100000')
    await store.insert(storedSession('two', { body: large }))
    expect(await store.replace({ ...old, version: 2 }, 1)).toBe(true)
  })

  it('answers store_unavailable while another connection holds the lock for long, and reads on', async () => {
    const store = sqliteStore(connect())
    const old = storedSession('one')
    await store.insert(old)
    const other = connect()
    other.exec('BEGIN IMMEDIATE')
    let turns = 0
    const ticking = setInterval(() => {
      turns += 1
    }, 5)
    const code = await codeOf(() => store.replace({ ...old, version: 2 }, 1))
    clearInterval(ticking)
    expect(code).toBe('store_unavailable')
    expect(turns, 'other work goes on meanwhile').toBeGreaterThan(5)
    expect(await store.get(old.id)).toEqual(old)
    other.exec('ROLLBACK')
    expect(await store.replace({ ...old, version: 2 }, 1)).toBe(true)
  })

  it('waits for a short lock', async () => {
    const store = sqliteStore(connect())
    await store.insert(storedSession('one'))
    const other = connect()
    other.exec('BEGIN IMMEDIATE')
    const written = store.insert(storedSession('two'))
    await new Promise((resolve) => setTimeout(resolve, 60))
    other.exec('COMMIT')
    await written
    expect(await store.get(storedSession('two').id)).toBeDefined()
  })

  it('shares sessions, leases and claims between connections', async () => {
    const stores = Array.from({ length: 4 }, () => sqliteStore(connect()))
    const [first, ...others] = stores
    await first?.insert(storedSession('one'))
    for (const store of others) expect(await store.get(storedSession('one').id)).toBeDefined()
    const until = Date.now() + 60_000
    const claims = await Promise.all(stores.map((store) => store.claim('key', until)))
    expect(claims.filter(Boolean).length).toBe(1)
    const leases = await Promise.all(stores.map((store) => store.acquireLease('key', 5000)))
    expect(leases.filter((number) => number !== undefined).length).toBe(1)
    const writes = await Promise.all(
      stores.map((store) => store.replace(storedSession('one', { version: 2 }), 1)),
    )
    expect(writes.filter(Boolean).length).toBe(1)
  })

  it('claims once over processes', { timeout: 60_000 }, async () => {
    sqliteStore(connect())
    const script = join(folder, 'claim.mjs')
    writeFileSync(join(folder, 'engine.mjs'), engine.source)
    const built = JSON.stringify(pathToFileURL(builtSubpath('sqlite-store')).href)
    writeFileSync(
      script,
      `import { open } from './engine.mjs'
       const { sqliteStore } = await import(${built})
       const store = sqliteStore(open(${JSON.stringify(file)}))
       let won = 0
       for (let key = 0; key < 200; key += 1) if (await store.claim('key-' + key, Date.now() + 60000)) won += 1
       console.log(won)`,
    )
    const run = () =>
      new Promise<number>((resolve, reject) => {
        const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] })
        let text = ''
        child.stdout.on('data', (chunk) => {
          text += chunk
        })
        child.on('error', reject)
        child.on('close', () => resolve(Number(text)))
      })
    const won = await Promise.all([run(), run(), run()])
    expect(won.reduce((sum, count) => sum + count)).toBe(200)
  })

  it('refuses a file that is no database, and one that was cut off', async () => {
    writeFileSync(file, 'this is not a database'.repeat(1000))
    expect(await codeOf(() => sqliteStore(connect()))).toBe('store_unavailable')
    for (const database of open.splice(0)) database.close()
    rmSync(file)
    const database = connect()
    const store = sqliteStore(database)
    for (let index = 0; index < 50; index += 1) await store.insert(storedSession(`s-${index}`))
    database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    database.close()
    open.splice(0)
    truncateSync(file, Math.floor(statSync(file).size / 2 / 16384) * 16384)
    const codes = new Set<string>()
    try {
      const cut = sqliteStore(connect())
      for (let index = 0; index < 50; index += 1) {
        codes.add(await codeOf(() => cut.get(storedSession(`s-${index}`).id)))
      }
    } catch (error) {
      codes.add(String((error as { readonly code?: unknown }).code))
    }
    expect(codes).toContain('store_unavailable')
    for (const code of codes) expect(['none', 'store_unavailable']).toContain(code)
  })

  it('signs nobody out because of a lock or a full disk', async () => {
    const database = connect()
    const sessions = createSessions({ ...BINDING, ring: newRing(), store: sqliteStore(database) })
    const { ticket, session } = await sessions.create({ tokenSet: tokenSet() })
    const other = connect()
    other.exec('BEGIN IMMEDIATE')
    expect(await codeOf(() => sessions.end(session, 'signed_out'))).toBe('store_unavailable')
    other.exec('ROLLBACK')
    expect((await sessions.load(ticket)).ok).toBe(true)
    expect(await sessions.end(session, 'signed_out')).toBe(true)
    expect((await sessions.load(ticket)).ok).toBe(false)
  })
})
