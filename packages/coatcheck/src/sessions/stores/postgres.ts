import { createHash } from 'node:crypto'
import { encodeUtf8 } from '../../core/bytes.ts'
import type { Clock } from '../../core/clock.ts'
import { CoatcheckError } from '../../core/errors.ts'
import type { SessionStore, StoredSession } from '../session-store.ts'
import type { PostgresClient } from './postgres-client.ts'
import { postgresDriver } from './postgres-driver.ts'
import { listenToNotices, readReason } from './postgres-notices.ts'
import { hasLostTables, retryConflicts, scrubbed, stateOf } from './postgres-retry.ts'
import { readBytes, readRow, whole } from './postgres-rows.ts'
import { type PostgresPlace, preparePostgres } from './postgres-schema.ts'
import { type StatementName, writeStatements } from './postgres-sql.ts'
import type { PostgresRow, PostgresStatement, PostgresValue } from './postgres-statement.ts'
import { packRecord } from './sqlite-rows.ts'

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

const UNIQUE_VIOLATION = '23505'
const ENGINE_NOW = 'floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint'
const NOW_PARAMETER = '$now::bigint'
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
  let ready: Ready | undefined
  let preparing: Promise<Ready> | undefined

  async function makeReady(): Promise<Ready> {
    const place = await retryConflicts(() => preparePostgres(driver, schema))
    const texts = writeStatements(place, clock === undefined ? ENGINE_NOW : NOW_PARAMETER)
    const entries = Object.entries(texts).map(([name, text]) => [name, statementOf(text)])
    return { place, statements: Object.fromEntries(entries) }
  }

  async function prepared(): Promise<Ready> {
    preparing ??= makeReady()
    try {
      ready = await preparing
      return ready
    } finally {
      // What failed because the server was away is tried again by whoever comes next.
      preparing = undefined
    }
  }

  async function run(
    name: StatementName,
    ...values: readonly PostgresValue[]
  ): Promise<readonly PostgresRow[]> {
    try {
      const { statements } = ready ?? (await prepared())
      return await retryConflicts(() => {
        const now = clock === undefined ? [] : [whole(clock())]
        const { takesNow, ...statement } = statements[name]
        return driver.query(statement, takesNow ? [...values, ...now] : values)
      })
    } catch (error) {
      if (hasLostTables(error)) ready = undefined
      if (name === 'insert' && stateOf(error) === UNIQUE_VIOLATION) {
        throw new CoatcheckError('wrong_use', { detail: 'A session of this id is there.' })
      }
      throw scrubbed(error)
    }
  }

  async function sessions(
    name: StatementName,
    ...values: readonly PostgresValue[]
  ): Promise<readonly StoredSession[]> {
    // What no store of ours wrote cannot be read: it is ended all the same, and not given back.
    return (await run(name, ...values)).flatMap((row) => readRow(row) ?? [])
  }

  return {
    get: async (id) => readRow((await run('get', id))[0]),
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
    delete: async (id, reason) => (await sessions('end', id, reason))[0],
    endingOf: async (id) => readReason((await run('endingOf', id))[0]?.[0]),
    listBySubject: (key) => sessions('listBySubject', key),
    deleteBySubject: (key, reason) => sessions('endBySubject', key, reason),
    deleteByProviderSession: (key, reason) => sessions('endByProviderSession', key, reason),
    sweep: async (limit) => {
      for (const name of SWEEPS) await run(name, whole(limit))
      return sessions('endOver', whole(limit), 'idle_timeout')
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
      try {
        await prepared()
      } catch (error) {
        throw scrubbed(error)
      }
    },
    subscribe: async (listener) => {
      try {
        const { channel } = (ready ?? (await prepared())).place
        const send = async (to: string): Promise<void> => {
          await driver.query(statementOf("SELECT pg_notify($1::text, '')::text"), [to])
        }
        return await listenToNotices({ driver: noticesDriver, channel, send }, listener)
      } catch (error) {
        throw scrubbed(error)
      }
    },
  }
}

interface Ready {
  readonly place: PostgresPlace
  readonly statements: Readonly<Record<StatementName, TimedStatement>>
}

interface TimedStatement extends PostgresStatement {
  /** Whether the time of an injected clock is its last parameter. */
  readonly takesNow: boolean
}

// Named after its text: two stores on one pool, or two releases in one process, never mean different things by a name.
function statementOf(text: string): TimedStatement {
  const used = [...text.matchAll(/\$(\d+)/g)].map(([, number]) => Number(number))
  const takesNow = text.includes(NOW_PARAMETER)
  const written = text.replaceAll(NOW_PARAMETER, `$${Math.max(0, ...used) + 1}::bigint`)
  const name = createHash('sha256').update(written).digest('base64url').slice(0, 16)
  return { name: `coatcheck_${name}`, text: written, takesNow }
}
