import { spawn } from 'node:child_process'
import { Client, Pool } from 'pg'
import postgres from 'postgres'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type PostgresServer, startPostgres } from '../../../../../test/support/postgres-server.ts'
import { idOf, soon } from '../../testing/store-case.ts'
import { guardStore } from '../guarded-store.ts'
import type { SessionStore, StoredSession, StoreNotice } from '../session-store.ts'
import { postgresStore } from './postgres.ts'
import type { PostgresClient } from './postgres-client.ts'
import { postgresStoreMigrations } from './postgres-schema.ts'

interface Connection {
  readonly client: PostgresClient
  end(): Promise<void>
}

const DRIVERS: readonly { readonly name: string; connect(max?: number): Connection }[] = [
  { name: 'pg', connect: (max = 10) => keep(connectPg(max)) },
  { name: 'postgres.js', connect: (max = 10) => keep(connectPostgresJs(max)) },
]
const MINUTE = 60_000

let server: PostgresServer
const closers: (() => Promise<unknown>)[] = []
let schemas = 0

function connectPg(max: number): Connection {
  const pool = new Pool({ connectionString: server.url, max })
  return { client: pool, end: () => pool.end() }
}

function connectPostgresJs(max: number): Connection {
  const sql = postgres(server.url, { max, backoff: () => 0.1 })
  return { client: sql, end: () => sql.end({ timeout: 1 }) }
}

function keep(connection: Connection): Connection {
  closers.push(connection.end)
  return connection
}

function newSchema(): string {
  schemas += 1
  return `fault_${schemas}`
}

function sample(name: string, changes: Partial<StoredSession> = {}): StoredSession {
  const now = Date.now()
  return {
    format: 1,
    id: idOf(name),
    version: 1,
    createdAt: now,
    lastSeenAt: now,
    expiresAt: now + MINUTE,
    subjectKey: 'subject',
    wraps: [new Uint8Array(74).fill(1)],
    body: new Uint8Array(3000).fill(2),
    card: new Uint8Array(200).fill(3),
    ...changes,
  }
}

async function errorOf(work: () => unknown): Promise<{ code: string; text: string }> {
  try {
    await work()
    return { code: 'none', text: '' }
  } catch (error) {
    const { code, message, cause } = error as Error & { readonly code?: unknown }
    return { code: String(code), text: `${message} ${JSON.stringify(cause)}` }
  }
}

async function listenAs(store: SessionStore): Promise<StoreNotice[]> {
  const heard: StoreNotice[] = []
  const subscription = await store.subscribe?.((notice) => heard.push(notice))
  closers.push(async () => subscription?.close())
  return heard
}

beforeAll(async () => {
  server = await startPostgres({ settings: { max_connections: 60 } })
})
afterAll(() => server.close())
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

describe.each(DRIVERS)('postgresStore over $name', ({ connect }) => {
  it('rejects while the server is down, never says "not there", and goes on afterwards', async () => {
    const store = postgresStore(connect().client, { schema: newSchema() })
    await store.insert(sample('one'))
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
      sample('one', (await store.get(idOf('one'))) ?? {}),
    )
    await store.insert(sample('two'))
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
    await afterFaults(async () => store.insert(sample('one')))
    expect((await store.get(idOf('one')))?.id).toBe(idOf('one'))
  })

  it('makes its tables once, however many begin at once', async () => {
    const schema = newSchema()
    const stores = Array.from({ length: 8 }, () => postgresStore(connect(2).client, { schema }))
    await Promise.all(
      stores.map(async (store, index) => {
        if (index % 2 === 0) await store.prepare?.()
        await store.insert(sample(`s-${index}`))
      }),
    )
    expect((await stores[0]?.listBySubject('subject'))?.length).toBe(8)
    expect((await server.psql(`SELECT version FROM ${schema}.coatcheck_schema`)).trim()).toBe('1')
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
    await store.insert(sample('one'))
    await server.psql(`DROP SCHEMA ${schema} CASCADE`)
    expect((await errorOf(() => store.get(idOf('one')))).code).toBe('store_unavailable')
    expect(await store.get(idOf('one'))).toBeUndefined()
    await store.insert(sample('one'))
  })

  it('tells a role without CREATE what to do, and works for it once that is done', async () => {
    const schema = newSchema()
    const role = `role_${schema}`
    await server.psql(`CREATE ROLE ${role} LOGIN`)
    await server.psql(`CREATE SCHEMA ${schema}`)
    await server.psql(`GRANT USAGE ON SCHEMA ${schema} TO ${role}`)
    const url = server.url.replace('postgres@', `${role}@`)
    const pool = new Pool({ connectionString: url })
    keep({ client: pool, end: () => pool.end() })
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
    await store.insert(sample('one'))
    expect(await store.acquireLease('lease', 1000)).toBeGreaterThan(0)
    expect((await store.delete(idOf('one'), 'signed_out'))?.id).toBe(idOf('one'))
    await store.sweep(10)
  })

  it('finds its tables in the search path, behind its first schema too', async () => {
    const schema = newSchema()
    const url = `${server.url}?options=${encodeURIComponent(`-c search_path=${schema},public`)}`
    const pool = new Pool({ connectionString: url })
    keep({ client: pool, end: () => pool.end() })
    await postgresStore(connect().client).insert(sample(`public-${schema}`))
    await server.psql(`CREATE SCHEMA ${schema}`)
    expect((await postgresStore(pool).get(idOf(`public-${schema}`)))?.version).toBe(1)
  })

  it('tells other processes of endings and leases, and comes back when the connection is lost', async () => {
    const schema = newSchema()
    const speaker = postgresStore(connect(2).client, { schema })
    const heard = await listenAs(postgresStore(connect(1).client, { schema }))
    await speaker.insert(sample('one'))
    await speaker.delete(idOf('one'), 'ended_by_operator')
    await soon(() => heard.length > 0)
    expect(heard).toEqual([{ kind: 'ended', id: idOf('one'), reason: 'ended_by_operator' }])
    await server.psql(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ILIKE 'listen%'",
    )
    await soon(() => heard.length > 1)
    expect(heard[1]).toEqual({ kind: 'resumed' })
    const number = await speaker.acquireLease('lease', MINUTE)
    await speaker.releaseLease('lease', number ?? 0)
    await soon(() => heard.length > 2)
    expect(heard.slice(2)).toEqual([{ kind: 'released', id: 'lease' }])
  })

  it('says resumed after a restart of the server, and tells of sweeps', async () => {
    const schema = newSchema()
    const store = postgresStore(connect().client, { schema })
    await store.insert(sample('old', { expiresAt: Date.now() - 1 }))
    const heard = await listenAs(store)
    await server.restart('SIGKILL')
    await soon(() => heard.length > 0)
    expect(heard[0]).toEqual({ kind: 'resumed' })
    await afterFaults(() => store.endingOf('x'))
    expect((await store.sweep(10)).map(({ id }) => id)).toEqual([idOf('old')])
    await soon(() => heard.some(({ kind }) => kind === 'ended'))
    expect(heard).toContainEqual({ kind: 'ended', id: idOf('old'), reason: 'idle_timeout' })
  })

  it('gives each session to one of two sweepers, and lets requests pass', async () => {
    const schema = newSchema()
    const stores = [connect(), connect()].map(({ client }) => postgresStore(client, { schema }))
    const [first] = stores
    if (first === undefined) throw new Error('no store')
    const ids = Array.from({ length: 400 }, (_, index) => idOf(`s-${index}`))
    const expiresAt = Date.now() - 1
    for (const id of ids) await first.insert(sample('', { id, expiresAt }))
    await first.insert(sample('live'))
    const swept: string[] = []
    const sweepers = stores.map(async (store) => {
      for (let batch = 1; batch > 0; ) {
        const gone = await store.sweep(30)
        batch = gone.length
        swept.push(...gone.map(({ id }) => id))
      }
    })
    for (let round = 0; round < 50; round += 1) {
      expect(await first.touch(idOf('live'), Date.now(), Date.now() + MINUTE)).toBe(true)
    }
    await Promise.all(sweepers)
    expect([swept.length, new Set(swept).size]).toEqual([400, 400])
    expect((await first.get(idOf('live')))?.id).toBe(idOf('live'))
  })

  it('ends whole accounts at once from many sides without waiting in a circle', async () => {
    const schema = newSchema()
    const stores = [connect(), connect()].map(({ client }) => postgresStore(client, { schema }))
    const ended: string[] = []
    for (let round = 0; round < 10; round += 1) {
      const ids = Array.from({ length: 30 }, (_, index) => idOf(`r${round}-${index}`))
      await Promise.all(ids.map((id) => stores[0]?.insert(sample('', { id, sidKey: 'sid' }))))
      const all = stores.flatMap((store) => [
        store.deleteBySubject('subject', 'ended_by_user'),
        store.deleteByProviderSession('sid', 'provider_signed_out'),
        ...ids.toReversed().map(async (id) => {
          await store.touch(id, Date.now() + 5, Date.now() + 2 * MINUTE)
          await store.replace(sample('', { id, version: 2 }), 1)
          const gone = await store.delete(id, 'signed_out')
          return gone === undefined ? [] : [gone]
        }),
      ])
      ended.push(...(await Promise.all(all)).flat().map(({ id }) => id))
    }
    expect([ended.length, new Set(ended).size]).toEqual([300, 300])
    expect(server.log()).not.toContain('deadlock')
  })

  it('bounds waiting for a pool that is exhausted', async () => {
    const connection = connect(1)
    const schema = newSchema()
    const plain = postgresStore(connection.client, { schema })
    await plain.insert(sample('one'))
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
    const pool = new Pool({ connectionString: url })
    keep({ client: pool, end: () => pool.end() })
    const store = postgresStore(pool, { schema })
    await store.insert(sample('one'))
    const writes = await Promise.all([
      ...Array.from({ length: 4 }, () => store.replace(sample('one', { version: 2 }), 1)),
      ...Array.from({ length: 4 }, () => store.touch(idOf('one'), Date.now(), Date.now() + MINUTE)),
    ])
    expect(writes.slice(0, 4).filter(Boolean).length).toBe(1)
    expect(writes.slice(4)).toEqual(Array(4).fill(true))
  })

  it('keeps ids, keys and what drivers say of them out of errors', async () => {
    const schema = newSchema()
    const { client } = connect()
    const store = postgresStore(client, { schema })
    await store.insert(sample('secret-id'))
    const errors = [await errorOf(() => store.insert(sample('secret-id')))]
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

  it('shares a lease and a claim between processes whose clocks differ by an hour', async () => {
    const schema = newSchema()
    const store = postgresStore(connect().client, { schema })
    await store.prepare?.()
    const until = Date.now() + 30 * MINUTE
    const ahead = await childWith(schema, 60 * MINUTE, until)
    const behind = await childWith(schema, -60 * MINUTE, until)
    expect(ahead).toEqual({ claim: true, lease: true })
    // The first process has ended without letting go of its lease of half a minute.
    expect(behind).toEqual({ claim: false, lease: false })
    expect(await store.acquireLease('lease', MINUTE)).toBeUndefined()
    expect(await store.claim('other', until)).toBe(true)
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
    const pool = connectPg(3)
    keep(pool)
    const stores = [newSchema(), newSchema()].map((schema) =>
      postgresStore(pool.client, { schema }),
    )
    for (const store of stores) await store.insert(sample('one'))
    await stores[0]?.delete(idOf('one'), 'signed_out')
    expect((await stores[1]?.get(idOf('one')))?.id).toBe(idOf('one'))
  })

  it('does not mind what parsers an application has set', async () => {
    const { types } = await import('pg')
    types.setTypeParser(25, () => 'parsed')
    types.setTypeParser(17, () => 'parsed')
    const sql = postgres(server.url, { transform: { value: { from: () => 'parsed' } } })
    keep({ client: sql, end: () => sql.end() })
    try {
      for (const { client } of [keep(connectPg(2)), { client: sql }]) {
        const store = postgresStore(client, { schema: newSchema() })
        const session = sample('one', { sidKey: 'sid' })
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
    keep({ client: sql, end: () => sql.end() })
    const { code, text } = await errorOf(() => postgresStore(sql).get(idOf('one')))
    expect(code).toBe('invalid_configuration')
    expect(text).toContain('transform.row')
  })
})

// A pool hands out each of its broken connections once more.
async function afterFaults<T>(work: () => T | Promise<T>): Promise<T> {
  for (let round = 0; round < 12; round += 1) {
    try {
      return await work()
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
  return work()
}

async function childWith(
  schema: string,
  offsetMs: number,
  until: number,
): Promise<{ readonly claim: boolean; readonly lease: boolean }> {
  // Where Node cannot read TypeScript it takes what was built.
  const built = Reflect.get(process.features, 'typescript')
    ? './postgres.ts'
    : '../../../dist/postgres-store.js'
  const shift = `const now = Date.now; Date.now = () => now() + ${offsetMs}`
  const script = `import { Pool } from ${JSON.stringify(import.meta.resolve('pg'))}
    const { postgresStore } = await import(${JSON.stringify(new URL(built, import.meta.url).href)})
    const pool = new Pool({ connectionString: ${JSON.stringify(server.url)} })
    const store = postgresStore(pool, { schema: ${JSON.stringify(schema)} })
    const claim = await store.claim('key', ${until})
    const lease = (await store.acquireLease('lease', 30000)) !== undefined
    console.log(JSON.stringify({ claim, lease }))
    await pool.end()`
  const parameters = ['--import', dataUrl(shift), '--input-type=module', '-e', script]
  const child = spawn(process.execPath, parameters, { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  for await (const chunk of child.stdout) text += chunk
  return JSON.parse(text)
}

function dataUrl(script: string): string {
  return `data:text/javascript,${encodeURIComponent(script)}`
}
