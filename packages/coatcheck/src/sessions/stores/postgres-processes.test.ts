import { spawn } from 'node:child_process'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import {
  afterFaults,
  newSchema,
  notices,
  POSTGRES_DRIVERS,
  storedSession,
  type TestClient,
} from '../../../../../test/support/postgres-clients.ts'
import { type PostgresServer, startPostgres } from '../../../../../test/support/postgres-server.ts'
import { idOf, soon } from '../../testing/store-case.ts'
import type { SessionStore, StoreNotice } from '../session-store.ts'
import { postgresStore } from './postgres.ts'

const MINUTE = 60_000

let server: PostgresServer
const closers: (() => Promise<unknown>)[] = []

function keep(connection: TestClient): TestClient {
  closers.push(connection.end)
  return connection
}

async function listen(store: SessionStore): Promise<{ readonly heard: readonly StoreNotice[] }> {
  const { heard, close } = await notices(store)
  closers.push(close)
  return { heard }
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

  it('makes its tables once, however many begin at once', async () => {
    const schema = newSchema()
    const stores = Array.from({ length: 8 }, () => postgresStore(connect(2).client, { schema }))
    await Promise.all(
      stores.map(async (store, index) => {
        if (index % 2 === 0) await store.prepare?.()
        await store.insert(storedSession(`s-${index}`))
      }),
    )
    expect((await stores[0]?.listBySubject('subject'))?.length).toBe(8)
    expect((await server.psql(`SELECT version FROM ${schema}.coatcheck_schema`)).trim()).toBe('1')
  })

  it('tells other processes of endings and leases, and comes back when the connection is lost', async () => {
    const schema = newSchema()
    const speaker = postgresStore(connect(2).client, { schema })
    const { heard } = await listen(postgresStore(connect(1).client, { schema }))
    await speaker.insert(storedSession('one'))
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
    await store.insert(storedSession('old', { expiresAt: Date.now() - 1 }))
    const { heard } = await listen(store)
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
    for (const id of ids) await first.insert(storedSession('', { id, expiresAt }))
    await first.insert(storedSession('live'))
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
      await Promise.all(
        ids.map((id) => stores[0]?.insert(storedSession('', { id, sidKey: 'sid' }))),
      )
      const all = stores.flatMap((store) => [
        store.deleteBySubject('subject', 'ended_by_user'),
        store.deleteByProviderSession('sid', 'provider_signed_out'),
        ...ids.toReversed().map(async (id) => {
          await store.touch(id, Date.now() + 5, Date.now() + 2 * MINUTE)
          await store.replace(storedSession('', { id, version: 2 }), 1)
          const gone = await store.delete(id, 'signed_out')
          return gone === undefined ? [] : [gone]
        }),
      ])
      ended.push(...(await Promise.all(all)).flat().map(({ id }) => id))
    }
    expect([ended.length, new Set(ended).size]).toEqual([300, 300])
    expect(server.log()).not.toContain('deadlock')
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
