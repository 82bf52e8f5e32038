import { Pool } from 'pg'
import postgres from 'postgres'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { newSchema, storedSession } from '../../../../../test/support/postgres-clients.ts'
import { type PostgresServer, startPostgres } from '../../../../../test/support/postgres-server.ts'
import { idOf } from '../../testing/store-case.ts'
import { guardStore } from '../guarded-store.ts'
import type { SessionStore } from '../session-store.ts'
import { postgresStore } from './postgres.ts'

interface Counted {
  readonly store: SessionStore
  /** Statements since it was called last. */
  statements(): number
}

let server: PostgresServer
const closers: (() => Promise<unknown>)[] = []

function counter(): { count(): void; taken(): number } {
  let seen = 0
  return {
    count: () => {
      seen += 1
    },
    taken: () => {
      const before = seen
      seen = 0
      return before
    },
  }
}

const CLIENTS: Readonly<Record<string, () => Counted>> = {
  pg: () => {
    const pool = new Pool({ connectionString: server.url })
    closers.push(() => pool.end())
    const { count, taken } = counter()
    pool.on('acquire', count)
    return { store: postgresStore(pool, { schema: newSchema() }), statements: taken }
  },
  'postgres.js': () => {
    const { count, taken } = counter()
    const sql = postgres(server.url, {
      // What the driver asks for itself is none of ours.
      debug: (_connection, text) => {
        if (text.includes('coatcheck_sessions')) count()
      },
    })
    closers.push(() => sql.end())
    return { store: postgresStore(sql, { schema: newSchema() }), statements: taken }
  },
}

beforeAll(async () => {
  server = await startPostgres()
})
afterAll(() => server.close())
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

describe.each(Object.keys(CLIENTS))('postgresStore reads with %s', (name) => {
  const connect = () => {
    const counted = CLIENTS[name]?.()
    if (counted === undefined) throw new Error(name)
    return counted
  }
  const idsTo = (count: number) => Array.from({ length: count }, (_, index) => `person-${index}`)

  it('give everybody who asks at once their own session, in a few statements', async () => {
    const { store, statements } = connect()
    const sessions = idsTo(40).map((id) => storedSession(id))
    for (const session of sessions) await store.insert(session)
    await store.delete(idOf('person-7'), 'signed_out')
    statements()
    const found = await Promise.all(sessions.map(({ id }) => store.get(id)))
    expect(found).toEqual(sessions.map((session, index) => (index === 7 ? undefined : session)))
    // The first goes at once.
    expect(statements()).toBe(4)
  })

  it('give the same session to all who ask for it', async () => {
    const { store, statements } = connect()
    const session = storedSession('person')
    await store.insert(session)
    statements()
    const found = await Promise.all([1, 2, 3].map(() => store.get(session.id)))
    expect(found).toEqual([session, session, session])
    expect(statements()).toBe(2)
  })

  it('let no odd id disturb what others ask for', async () => {
    const { store } = connect()
    const [one, two] = [storedSession('one'), storedSession('two')]
    const spaced = storedSession('three', { id: `${one.id} ${two.id}` })
    for (const session of [one, two, spaced]) await store.insert(session)
    const ids = [one.id, 'a\0b', spaced.id, two.id, '', "'"]
    const found = await Promise.allSettled(ids.map((id) => store.get(id)))
    expect(found.map((read) => (read.status === 'fulfilled' ? read.value : 'refused'))).toEqual([
      one,
      'refused',
      spaced,
      two,
      undefined,
      undefined,
    ])
  })

  it('reject, all of them, when the server is down', async () => {
    const store = guardStore(connect().store, 2000)
    for (const id of idsTo(3)) await store.insert(storedSession(id))
    await server.stop()
    try {
      const reads = await Promise.allSettled(idsTo(3).map((id) => store.get(idOf(id))))
      const codes = reads.map((read) => (read.status === 'rejected' ? read.reason.code : 'none'))
      expect(codes).toEqual(reads.map(() => 'store_unavailable'))
    } finally {
      await server.start()
    }
  })
})
