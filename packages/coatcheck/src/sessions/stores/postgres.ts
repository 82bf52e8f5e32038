import { encodeUtf8 } from '../../core/bytes.ts'
import type { Clock } from '../../core/clock.ts'
import {
  type EndReason,
  readReason,
  type SessionStore,
  type StoredSession,
} from '../session-store.ts'
import { packRecord } from './packed-record.ts'
import type { PostgresClient } from './postgres-client.ts'
import { postgresDriver } from './postgres-driver.ts'
import { createPostgresEngine } from './postgres-engine.ts'
import { listenToNotices } from './postgres-notices.ts'
import { scrubbed } from './postgres-retry.ts'
import { readBytes, readRows, readSession, whole } from './postgres-rows.ts'
import type { StatementName } from './postgres-sql.ts'
import { readsOfATurn } from './reads-of-a-turn.ts'

/** Options of {@link postgresStore}. */
export interface PostgresStoreOptions {
  /** Milliseconds since 1970. Default: the server's clock, so that processes need not agree on the time. */
  readonly clock?: Clock
  /**
   * The schema that holds the tables; made when it is missing. Default: the one of the search path that has them
   * already, else its first.
   */
  readonly schema?: string
  /**
   * Whether connections keep statements prepared. Default: true. Behind a pooler in transaction mode that does not
   * follow prepared statements (PgBouncer before 1.21, or with `max_prepared_statements = 0`) it must be false.
   */
  readonly prepare?: boolean
  /**
   * Another client for notices alone, where `client` goes through a pooler in transaction mode: connections of such
   * a pooler cannot listen. Default: `client`.
   */
  readonly noticesClient?: PostgresClient
}

// What could be taken apart, or refused, is never asked for beside what others ask for.
const PLAIN_ID = /^[\w-]+$/

const SWEEPS: readonly StatementName[] = [
  'sweepEndings',
  'sweepLeases',
  'sweepClaims',
  'sweepBlobs',
]

/**
 * Sessions in PostgreSQL 12 or later, for any number of processes. Takes a `pg.Pool` or what `postgres(url)` of
 * postgres.js gives back. Makes its tables itself, before its first operation.
 *
 * Throws `wrong_use` for another client; operations reject with `store_unavailable` while the server does not
 * answer, and with `invalid_configuration` where the tables cannot be made or are of a newer release.
 *
 * @example
 * const store = postgresStore(new Pool({ connectionString: 'postgres://127.0.0.1/app' }))
 */
export function postgresStore(
  client: PostgresClient,
  options: PostgresStoreOptions = {},
): SessionStore {
  const { clock, schema, prepare = true, noticesClient } = options
  const driver = postgresDriver(client, prepare)
  const noticesDriver =
    noticesClient === undefined ? driver : postgresDriver(noticesClient, prepare)
  const engine = createPostgresEngine({ driver, clock, schema })
  const { run } = engine

  function readAlone(id: string): Promise<StoredSession | undefined> {
    return run('get', id).then(([row]) =>
      row === undefined ? undefined : readSession(id, row[0] ?? ''),
    )
  }

  const read = readsOfATurn({
    alone: readAlone,
    together: async (ids) => {
      const rows = await run('getAll', ids.join(' '))
      const found = new Map(readRows(rows).map((session) => [session.id, session]))
      return ids.map((id) => found.get(id))
    },
  })

  async function end(
    name: StatementName,
    reason: EndReason,
    key: string,
  ): Promise<readonly StoredSession[]> {
    return readRows(await run(name, reason, key))
  }

  return {
    get: (id) => (PLAIN_ID.test(id) ? read(id) : readAlone(id)),
    insert: async (session) => {
      const { id, format, version, createdAt, subjectKey, sidKey = null } = session
      const times = [whole(session.lastSeenAt), whole(session.expiresAt)]
      const record = packRecord(session)
      await run(
        'insert',
        id,
        format,
        version,
        whole(createdAt),
        subjectKey,
        sidKey,
        record,
        ...times,
      )
    },
    replace: async (session, expectedVersion) => {
      const { id, version, subjectKey, sidKey = null } = session
      const times = [whole(session.lastSeenAt), whole(session.expiresAt)]
      const record = packRecord(session)
      const values = [id, expectedVersion, version, subjectKey, sidKey, record, ...times]
      return (await run('replace', ...values)).length > 0
    },
    touch: async (id, lastSeenAt, expiresAt) =>
      (await run('touch', id, whole(lastSeenAt), whole(expiresAt))).length > 0,
    delete: async (id, reason) => (await end('end', reason, id))[0],
    endingOf: async (id) => readReason((await run('endingOf', id))[0]?.[0]),
    listBySubject: async (key) => readRows(await run('listBySubject', key)),
    deleteBySubject: (key, reason) => end('endBySubject', reason, key),
    deleteByProviderSession: (key, reason) => end('endByProviderSession', reason, key),
    sweep: async (limit) => {
      for (const name of SWEEPS) await engine.sweep(name, limit)
      return readRows(await engine.sweep('endOver', limit, 'idle_timeout'))
    },
    acquireLease: async (id, leaseMs) => {
      const number = (await run('acquireLease', id, whole(leaseMs)))[0]?.[0]
      return typeof number === 'string' ? Number(number) : undefined
    },
    releaseLease: async (id, fencingNumber) => {
      await run('releaseLease', id, whole(fencingNumber))
    },
    // Keys are kept as their SHA-256, which the server reckons: they may be long and hold any character.
    claim: async (key, expiresAt, max = 1) =>
      (await run('claim', encodeUtf8(key), whole(expiresAt), whole(max))).length > 0,
    putBlob: async (key, bytes, expiresAt) => {
      await run('putBlob', encodeUtf8(key), bytes, whole(expiresAt))
    },
    takeBlob: async (key) => {
      const bytes = (await run('takeBlob', encodeUtf8(key)))[0]?.[0]
      return typeof bytes === 'string' ? readBytes(bytes) : undefined
    },
    prepare: async () => {
      await engine.prepare()
    },
    subscribe: async (listener) => {
      const { channel } = await engine.prepare()
      try {
        const { signal } = engine
        return await listenToNotices({ driver: noticesDriver, channel, signal }, listener)
      } catch (error) {
        throw scrubbed(error)
      }
    },
  }
}
