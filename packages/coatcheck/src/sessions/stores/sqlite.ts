import { type Clock, systemClock } from '../../core/clock.ts'
import { CoatcheckError } from '../../core/errors.ts'
import type { MaybePromise } from '../../core/maybe-promise.ts'
import {
  ENDING_KEPT_MS,
  type EndReason,
  type SessionStore,
  type StoredSession,
} from '../session-store.ts'
import { packRecord } from './packed-record.ts'
import type { SqliteDatabase, SqliteStatement, SqliteValue } from './sqlite-client.ts'
import { retryWhileBusy } from './sqlite-retry.ts'
import { own, readRow, SESSION_COLUMNS } from './sqlite-rows.ts'
import { prepareDatabase, SWEPT_TABLES } from './sqlite-schema.ts'

/** Options of {@link sqliteStore}. */
export interface SqliteStoreOptions {
  /** Milliseconds since 1970. Default: the machine's clock. */
  readonly clock?: Clock
}

const JOINED = `SELECT ${SESSION_COLUMNS}
  FROM coatcheck_sessions s JOIN coatcheck_times t ON t.number = s.number`

/**
 * Sessions in an SQLite file, for one process or several on one machine. Makes its tables itself. The file
 * should have mode 0600; it holds neither tickets nor readable tokens.
 *
 * Rejects with `store_unavailable` while the file is locked for more than a second, or the disk is full.
 *
 * @example
 * const store = sqliteStore(new DatabaseSync('sessions.sqlite'))
 */
export function sqliteStore(
  database: SqliteDatabase,
  options: SqliteStoreOptions = {},
): SessionStore {
  const clock = options.clock ?? systemClock
  prepareDatabase(database)
  const prepare = (sql: string) => database.prepare(sql)
  const select = asArrays(prepare(`${JOINED} WHERE s.id = ? AND s.format = 1 AND t.expires_at > ?`))
  const selectAny = asArrays(prepare(`${JOINED} WHERE s.id = ? AND s.format = 1`))
  const countById = prepare('SELECT 1 FROM coatcheck_sessions WHERE id = ?')
  const idsBySubject = prepare('SELECT id FROM coatcheck_sessions WHERE subject_key = ?')
  const idsBySid = prepare('SELECT id FROM coatcheck_sessions WHERE sid_key = ?')
  const idsOver = prepare(
    'SELECT s.id FROM coatcheck_times t JOIN coatcheck_sessions s ON s.number = t.number WHERE t.expires_at <= ? ORDER BY t.expires_at LIMIT ?',
  )
  const insertSession = prepare(
    'INSERT INTO coatcheck_sessions (id, format, version, created_at, subject_key, sid_key, record) VALUES (?, ?, ?, ?, ?, ?, ?)',
  )
  const insertTimes = prepare(
    'INSERT INTO coatcheck_times (number, last_seen_at, expires_at) VALUES ((SELECT number FROM coatcheck_sessions WHERE id = ?), ?, ?)',
  )
  const replaceSession = prepare(
    'UPDATE coatcheck_sessions SET version = ?, subject_key = ?, sid_key = ?, record = ? WHERE id = ? AND version = ? AND EXISTS (SELECT 1 FROM coatcheck_times t WHERE t.number = coatcheck_sessions.number AND t.expires_at > ?)',
  )
  const moveTimes = prepare(
    'UPDATE coatcheck_times SET last_seen_at = max(last_seen_at, ?), expires_at = max(expires_at, ?) WHERE number = (SELECT number FROM coatcheck_sessions WHERE id = ?) AND expires_at > ?',
  )
  const deleteTimes = prepare(
    'DELETE FROM coatcheck_times WHERE number = (SELECT number FROM coatcheck_sessions WHERE id = ?)',
  )
  const deleteSession = prepare('DELETE FROM coatcheck_sessions WHERE id = ?')
  const insertEnding = prepare(
    'INSERT OR REPLACE INTO coatcheck_endings (id, reason, expires_at) VALUES (?, ?, ?)',
  )
  const selectEnding = prepare(
    'SELECT reason FROM coatcheck_endings WHERE id = ? AND expires_at > ?',
  )
  const selectLease = prepare('SELECT 1 FROM coatcheck_leases WHERE id = ? AND expires_at > ?')
  const dropOldLease = prepare('DELETE FROM coatcheck_leases WHERE id = ? AND expires_at <= ?')
  const takeLease = prepare(
    'INSERT OR IGNORE INTO coatcheck_leases (id, expires_at) VALUES (?, ?) RETURNING fencing_number',
  )
  const dropLease = prepare('DELETE FROM coatcheck_leases WHERE id = ? AND fencing_number = ?')
  const takeClaim = prepare(
    'INSERT INTO coatcheck_claims (key, count, expires_at) VALUES (?, 1, ?) ON CONFLICT (key) DO UPDATE SET count = CASE WHEN expires_at <= ? THEN 1 ELSE count + 1 END, expires_at = CASE WHEN expires_at <= ? THEN excluded.expires_at ELSE expires_at END WHERE expires_at <= ? OR count < ?',
  )
  const insertBlob = prepare(
    'INSERT OR REPLACE INTO coatcheck_blobs (key, bytes, expires_at) VALUES (?, ?, ?)',
  )
  const takeBlob = prepare('DELETE FROM coatcheck_blobs WHERE key = ? RETURNING bytes, expires_at')
  const sweeps = SWEPT_TABLES.map((table) =>
    prepare(
      `DELETE FROM ${table} WHERE rowid IN (SELECT rowid FROM ${table} WHERE expires_at <= ? LIMIT ?)`,
    ),
  )

  function inTransaction<T>(work: () => T): T {
    database.exec('BEGIN IMMEDIATE')
    try {
      const result = work()
      database.exec('COMMIT')
      return result
    } catch (error) {
      rollBack(database)
      throw error
    }
  }

  function transaction<T>(work: () => T): MaybePromise<T> {
    return retryWhileBusy(() => inTransaction(work))
  }

  // What may be lost in a power cut (never in a crash of ours) need not wait for the disk: times, leases, blobs.
  function relaxed<T>(operation: () => T): () => T {
    return () => {
      database.exec('PRAGMA synchronous = NORMAL')
      try {
        return operation()
      } finally {
        database.exec('PRAGMA synchronous = FULL')
      }
    }
  }

  function remove(id: string, reason: EndReason): StoredSession | undefined {
    const session = read(selectAny, id)
    deleteTimes.run(id)
    if (Number(deleteSession.run(id).changes) === 0) return undefined
    insertEnding.run(id, reason, clock() + ENDING_KEPT_MS)
    return session
  }

  function removeAll(rows: readonly unknown[], reason: EndReason): readonly StoredSession[] {
    return idsOf(rows).flatMap((id) => remove(id, reason) ?? [])
  }

  function takeLeaseOf(id: string, leaseMs: number): number | undefined {
    const now = clock()
    if (selectLease.all(id, now).length > 0) return undefined
    return relaxed(() =>
      inTransaction(() => {
        dropOldLease.run(id, now)
        const [row] = takeLease.all(id, now + leaseMs) as readonly FencingRow[]
        return row?.fencing_number
      }),
    )()
  }

  return {
    get: (id) => retryWhileBusy(() => read(select, id, clock())),
    insert: (session) =>
      transaction(() => {
        const { id, subjectKey, sidKey } = session
        if (countById.all(id).length > 0) {
          throw new CoatcheckError('wrong_use', { detail: 'A session of this id is there.' })
        }
        const { format, version, createdAt } = session
        insertSession.run(
          id,
          format,
          version,
          createdAt,
          subjectKey,
          sidKey ?? null,
          packRecord(session),
        )
        insertTimes.run(id, session.lastSeenAt, session.expiresAt)
      }),
    replace: (session, expectedVersion) =>
      transaction(() => {
        const { id, version, subjectKey, sidKey } = session
        const now = clock()
        const { changes } = replaceSession.run(
          version,
          subjectKey,
          sidKey ?? null,
          packRecord(session),
          id,
          expectedVersion,
          now,
        )
        if (Number(changes) === 0) return false
        moveTimes.run(session.lastSeenAt, session.expiresAt, id, now)
        return true
      }),
    touch: (id, lastSeenAt, expiresAt) =>
      retryWhileBusy(
        relaxed(() => Number(moveTimes.run(lastSeenAt, expiresAt, id, clock()).changes) > 0),
      ),
    delete: (id, reason) => transaction(() => remove(id, reason)),
    endingOf: (id) =>
      retryWhileBusy(
        () => (selectEnding.get(id, clock()) as { readonly reason: EndReason } | undefined)?.reason,
      ),
    listBySubject: (key) =>
      retryWhileBusy(() =>
        idsOf(idsBySubject.all(key)).flatMap((id) => read(select, id, clock()) ?? []),
      ),
    deleteBySubject: (key, reason) => transaction(() => removeAll(idsBySubject.all(key), reason)),
    deleteByProviderSession: (key, reason) =>
      transaction(() => removeAll(idsBySid.all(key), reason)),
    sweep: (limit) =>
      transaction(() => {
        const now = clock()
        for (const sweep of sweeps) sweep.run(now, limit)
        return removeAll(idsOver.all(now, limit), 'idle_timeout')
      }),
    acquireLease: (id, leaseMs) => retryWhileBusy(() => takeLeaseOf(id, leaseMs)),
    releaseLease: (id, fencingNumber) =>
      retryWhileBusy(
        relaxed(() => {
          dropLease.run(id, fencingNumber)
        }),
      ),
    claim: (key, expiresAt, max = 1) =>
      retryWhileBusy(() => {
        const now = clock()
        if (expiresAt <= now || max < 1) return false
        return Number(takeClaim.run(key, expiresAt, now, now, now, max).changes) > 0
      }),
    putBlob: (key, bytes, expiresAt) =>
      retryWhileBusy(
        relaxed(() => {
          insertBlob.run(key, bytes, expiresAt)
        }),
      ),
    takeBlob: (key) =>
      retryWhileBusy(() => {
        const [row] = takeBlob.all(key) as readonly BlobRow[]
        return row !== undefined && row.expires_at > clock() ? own(row.bytes) : undefined
      }),
  }
}

// A driver throws for integers beyond 2^53, which only a foreign writer puts there: such a row is none of ours,
// and must not stand in the way of ending it.
function read(
  statement: SqliteStatement,
  id: string,
  ...parameters: readonly SqliteValue[]
): StoredSession | undefined {
  try {
    return readRow(id, statement.get(id, ...parameters))
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

function asArrays(statement: SqliteStatement): SqliteStatement {
  if (statement.setReturnArrays !== undefined) statement.setReturnArrays(true)
  else statement.raw?.(true)
  return statement
}

function idsOf(rows: readonly unknown[]): readonly string[] {
  return rows.map((row) => String((row as { readonly id: unknown }).id))
}

interface FencingRow {
  readonly fencing_number: number
}

interface BlobRow {
  readonly bytes: Uint8Array
  readonly expires_at: number
}

// After some failures the engine has rolled back by itself, and says so by failing again.
function rollBack(database: SqliteDatabase): void {
  try {
    database.exec('ROLLBACK')
  } catch (error) {
    if (!(error instanceof Error)) throw error
  }
}
