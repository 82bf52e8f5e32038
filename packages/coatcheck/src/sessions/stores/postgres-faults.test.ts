import { Client, Pool } from 'pg'
import postgres from 'postgres'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import {
  afterFaults,
  errorOf,
  newSchema,
  POSTGRES_DRIVERS,
  storedSession,
  type TestClient,
} from '../../../../../test/support/postgres-clients.ts'
import { type PostgresServer, startPostgres } from '../../../../../test/support/postgres-server.ts'
import { idOf } from '../../testing/store-case.ts'
import { guardStore } from '../guarded-store.ts'
import { postgresStore } from './postgres.ts'
import { postgresStoreMigrations } from './postgres-schema.ts'

const MINUTE = 60_000

let server: PostgresServer
const closers: (() => Promise<unknown>)[] = []

function keep(connection: TestClient): TestClient {
  closers.push(connection.end)
  return connection
}

function connectPool(url = server.url): Pool {
  const pool = new Pool({ connectionString: url })
  closers.push(() => pool.end())
  return pool
}

beforeAll(async () => {
  server = await startPostgres({ settings: { max_connections: 60 } })
})
afterAll(() => server.close())
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

describe.each(POSTGRES_DRIVERS)('postgresStore over $name', (driver) => {
  const connect = (max?: number): TestClient => keep(driver.connect(server.url, max))

  it('rejects while the server is down, never says "not there", and goes on afterwards', async () => {
    const store = postgresStore(connect().client, { schema: newSchema() })
    await store.insert(storedSession('one'))
    await server.stop()
    try {
      expect((await errorOf(() => store.get(idOf('one')))).code).toBe('store_unavailable')
      expect((await errorOf(() => store.touch(idOf('one'), 1, 2))).code).toBe('store_unavailable')
      expect((await errorOf(() => store.delete(idOf('one'), 'signed_out'))).code).toBe(
        'store_unavailable',
      )
    } finally {
      await server.start()
    }
    expect(await store.get(idOf('one'))).toEqual(
      storedSession('one', (await store.get(idOf('one'))) ?? {}),
    )
    await store.insert(storedSession('two'))
    await server.restart('SIGKILL')
    // Connections that broke may each fail once more; what was acknowledged is there.
    const found = await afterFaults(() => store.get(idOf('two')))
    expect(found?.id).toBe(idOf('two'))
  })

  it('prepares once the server is there, when it was away at first', async () => {
    const store = postgresStore(connect().client, { schema: newSchema() })
    await server.stop()
    try {
      expect((await errorOf(() => store.prepare?.())).code).toBe('store_unavailable')
      expect((await errorOf(() => store.get(idOf('one')))).code).toBe('store_unavailable')
    } finally {
      await server.start()
    }
    await afterFaults(async () => store.insert(storedSession('one')))
    expect((await store.get(idOf('one')))?.id).toBe(idOf('one'))
  })

  it('refuses tables of a newer release', async () => {
    const schema = newSchema()
    await postgresStore(connect().client, { schema }).prepare?.()
    await server.psql(`INSERT INTO ${schema}.coatcheck_schema VALUES (9)`)
    const store = postgresStore(connect().client, { schema })
    for (const work of [() => store.prepare?.(), () => store.get(idOf('one'))]) {
      const { code, text } = await errorOf(work)
      expect([code, text]).toEqual(['invalid_configuration', expect.stringContaining('version 9')])
    }
  })

  it('makes tables anew that somebody dropped', async () => {
    const schema = newSchema()
    const store = postgresStore(connect().client, { schema })
    await store.insert(storedSession('one'))
    await server.psql(`DROP SCHEMA ${schema} CASCADE`)
    expect((await errorOf(() => store.get(idOf('one')))).code).toBe('store_unavailable')
    expect(await store.get(idOf('one'))).toBeUndefined()
    await store.insert(storedSession('one'))
  })

  it('tells a role without CREATE what to do, and works for it once that is done', async () => {
    const schema = newSchema()
    const role = `role_${schema}`
    await server.psql(`CREATE ROLE ${role} LOGIN`)
    await server.psql(`CREATE SCHEMA ${schema}`)
    await server.psql(`GRANT USAGE ON SCHEMA ${schema} TO ${role}`)
    const url = server.url.replace('postgres@', `${role}@`)
    const pool = connectPool(url)
    const store = postgresStore(pool, { schema })
    const { code, text } = await errorOf(() => store.get(idOf('one')))
    expect(code).toBe('invalid_configuration')
    expect(text).toContain('postgresStoreMigrations')
    for (let round = 0; round < 2; round += 1) {
      await server.psql(`SET search_path TO ${schema};${postgresStoreMigrations}`)
    }
    await server.psql(`GRANT SELECT ON ${schema}.coatcheck_schema TO ${role};
      GRANT SELECT, INSERT, UPDATE, DELETE ON ${schema}.coatcheck_sessions, ${schema}.coatcheck_times,
        ${schema}.coatcheck_endings, ${schema}.coatcheck_leases, ${schema}.coatcheck_claims,
        ${schema}.coatcheck_blobs TO ${role};
      GRANT USAGE ON SEQUENCE ${schema}.coatcheck_fencing TO ${role}`)
    await store.insert(storedSession('one'))
    expect(await store.acquireLease('lease', 1000)).toBeGreaterThan(0)
    expect((await store.delete(idOf('one'), 'signed_out'))?.id).toBe(idOf('one'))
    await store.sweep(10)
  })

  it('finds its tables in the search path, behind its first schema too', async () => {
    const schema = newSchema()
    const url = `${server.url}?options=${encodeURIComponent(`-c search_path=${schema},public`)}`
    const pool = connectPool(url)
    await postgresStore(connect().client).insert(storedSession(`public-${schema}`))
    await server.psql(`CREATE SCHEMA ${schema}`)
    expect((await postgresStore(pool).get(idOf(`public-${schema}`)))?.version).toBe(1)
  })

  it('bounds waiting for a pool that is exhausted', async () => {
    const connection = connect(1)
    const schema = newSchema()
    const plain = postgresStore(connection.client, { schema })
    await plain.insert(storedSession('one'))
    const store = guardStore(plain, 300)
    const blocker = new Client({ connectionString: server.url })
    await blocker.connect()
    await blocker.query(`BEGIN; LOCK TABLE ${schema}.coatcheck_times`)
    const started = Date.now()
    const codes = await Promise.all(
      Array.from({ length: 5 }, () => errorOf(() => store.get(idOf('one')))),
    )
    expect(codes.map(({ code }) => code)).toEqual(Array(5).fill('store_unavailable'))
    expect(Date.now() - started).toBeLessThan(2000)
    await blocker.end()
    expect((await store.get(idOf('one')))?.id).toBe(idOf('one'))
  })

  it('tries again what the server gave up in favour of another', async () => {
    const schema = newSchema()
    const url = `${server.url}?options=${encodeURIComponent('-c default_transaction_isolation=serializable')}`
    const pool = connectPool(url)
    const store = postgresStore(pool, { schema })
    await store.insert(storedSession('one'))
    const writes = await Promise.all([
      ...Array.from({ length: 4 }, () => store.replace(storedSession('one', { version: 2 }), 1)),
      ...Array.from({ length: 4 }, () => store.touch(idOf('one'), Date.now(), Date.now() + MINUTE)),
    ])
    expect(writes.slice(0, 4).filter(Boolean).length).toBe(1)
    expect(writes.slice(4)).toEqual(Array(4).fill(true))
  })

  it('keeps ids, keys and what drivers say of them out of errors', async () => {
    const schema = newSchema()
    const { client } = connect()
    const store = postgresStore(client, { schema })
    await store.insert(storedSession('secret-id'))
    const errors = [await errorOf(() => store.insert(storedSession('secret-id')))]
    await server.psql(`ALTER TABLE ${schema}.coatcheck_claims ADD CHECK (count > 5)`)
    errors.push(await errorOf(() => store.claim('secret-key', Date.now() + MINUTE)))
    errors.push(await errorOf(() => store.listBySubject('secret\0')))
    expect(errors.map(({ code }) => code)).toEqual([
      'wrong_use',
      'store_unavailable',
      'store_unavailable',
    ])
    for (const { text } of errors) expect(text).not.toContain('secret')
    expect(errors[1]?.text).toContain('SQLSTATE_23514')
  })
})

describe('postgresStore', () => {
  it('refuses a single connection and whatever is no pool, in words', async () => {
    const others = [new Client(), {}, null, undefined, 'postgres://x', () => {}, []]
    for (const other of others) {
      const { code, text } = await errorOf(() => postgresStore(other as never))
      expect(code).toBe('wrong_use')
      expect(text).toContain('Pool of pg')
    }
  })

  it('lets two stores share one pool', async () => {
    const pool = connectPool()
    const stores = [newSchema(), newSchema()].map((schema) => postgresStore(pool, { schema }))
    for (const store of stores) await store.insert(storedSession('one'))
    await stores[0]?.delete(idOf('one'), 'signed_out')
    expect((await stores[1]?.get(idOf('one')))?.id).toBe(idOf('one'))
  })

  it('does not mind what parsers an application has set', async () => {
    const { types } = await import('pg')
    types.setTypeParser(25, () => 'parsed')
    types.setTypeParser(17, () => 'parsed')
    const sql = postgres(server.url, { transform: { value: { from: () => 'parsed' } } })
    closers.push(() => sql.end())
    try {
      for (const client of [connectPool(), sql]) {
        const store = postgresStore(client, { schema: newSchema() })
        const session = storedSession('one', { sidKey: 'sid' })
        await store.insert(session)
        expect(await store.get(session.id)).toEqual(session)
      }
    } finally {
      types.setTypeParser(25, (text) => text)
      types.setTypeParser(17, (text) => Buffer.from(text.slice(2), 'hex'))
    }
  })

  it('refuses rows that postgres.js was told to change, in words', async () => {
    const sql = postgres(server.url, { transform: { row: { from: () => ({}) } } })
    closers.push(() => sql.end())
    const { code, text } = await errorOf(() => postgresStore(sql).get(idOf('one')))
    expect(code).toBe('invalid_configuration')
    expect(text).toContain('transform.row')
  })
})
