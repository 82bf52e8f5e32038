import type { Bytes } from '../../core/bytes.ts'
import { CoatcheckError } from '../../core/errors.ts'
import { packRecord } from './packed-record.ts'
import type { SqliteDatabase } from './sqlite-client.ts'

/**
 * Version 2 of the tables. Sixteen-kilobyte pages hold a record in one; times change often and stand apart.
 * AUTOINCREMENT gives no number twice, so that a holder whose lease was swept never lets go of another's.
 */
const SCHEMA = `
CREATE TABLE IF NOT EXISTS coatcheck_sessions (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  format INTEGER NOT NULL,
  version INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  subject_key TEXT NOT NULL,
  sid_key TEXT,
  record BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS coatcheck_sessions_subject ON coatcheck_sessions (subject_key);
CREATE INDEX IF NOT EXISTS coatcheck_sessions_sid ON coatcheck_sessions (sid_key) WHERE sid_key IS NOT NULL;
CREATE TABLE IF NOT EXISTS coatcheck_times (
  number INTEGER PRIMARY KEY,
  last_seen_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS coatcheck_times_expiry ON coatcheck_times (expires_at);
CREATE TABLE IF NOT EXISTS coatcheck_endings (id TEXT PRIMARY KEY, reason TEXT NOT NULL, expires_at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS coatcheck_leases (fencing_number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, expires_at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS coatcheck_claims (key TEXT PRIMARY KEY, count INTEGER NOT NULL, expires_at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS coatcheck_blobs (key TEXT PRIMARY KEY, bytes BLOB NOT NULL, expires_at INTEGER NOT NULL);
`

/** The tables that sweep looks through, besides sessions. */
export const SWEPT_TABLES: readonly string[] = [
  'coatcheck_endings',
  'coatcheck_leases',
  'coatcheck_claims',
  'coatcheck_blobs',
]

/**
 * Prepares a database file: page size (where it is new), write-ahead log, full synchronization (an
 * acknowledged ending must survive a power cut), a page cache of 32 MB at least, a lock waited for within one
 * event-loop tick of 20 ms.
 * Throws `store_unavailable` for a file that is none of ours, broken or locked for two seconds.
 */
export function prepareDatabase(database: SqliteDatabase): void {
  try {
    for (const statement of SET_UP) database.exec(statement)
    packOldRecords(database)
    enlargeCache(database)
    database.exec('PRAGMA busy_timeout = 20')
  } catch (error) {
    throw new CoatcheckError('store_unavailable', { cause: error })
  }
}

const SET_UP: readonly string[] = [
  'PRAGMA busy_timeout = 2000',
  'PRAGMA page_size = 16384',
  'PRAGMA journal_mode = WAL',
  'PRAGMA synchronous = FULL',
  // Whoever can write the file must not run functions in our process through planted triggers.
  'PRAGMA trusted_schema = OFF',
  `BEGIN IMMEDIATE; ${SCHEMA} COMMIT`,
]

/** What a thousand people who are active among a million take: a page of an index for each, and their records. */
const CACHE_KIB = 32 * 1024

// An application that gave its database a larger one keeps it.
function enlargeCache(database: SqliteDatabase): void {
  const smaller = database
    .prepare(
      'SELECT 1 FROM pragma_cache_size, pragma_page_size WHERE iif(cache_size < 0, -cache_size, cache_size * page_size / 1024) < ?',
    )
    .all(CACHE_KIB)
  if (smaller.length > 0) database.exec(`PRAGMA cache_size = -${CACHE_KIB}`)
}

// Version 1 had the sealed parts in columns of their own; wraps with lengths of 16 bits.
function packOldRecords(database: SqliteDatabase): void {
  const columns = database.prepare("SELECT name FROM pragma_table_info('coatcheck_sessions')").all()
  if (!columns.some((column) => (column as { readonly name: unknown }).name === 'wraps')) return
  database.exec(
    "BEGIN IMMEDIATE; ALTER TABLE coatcheck_sessions ADD COLUMN record BLOB NOT NULL DEFAULT x''",
  )
  try {
    const old = database.prepare(
      'SELECT number, wraps, body, card FROM coatcheck_sessions LIMIT 1 OFFSET ?',
    )
    const fill = database.prepare('UPDATE coatcheck_sessions SET record = ? WHERE number = ?')
    for (let offset = 0; ; offset += 1) {
      const row = old.get(offset) as OldRow | undefined
      if (row === undefined) break
      fill.run(packRecord({ ...row, wraps: unpackOldWraps(row.wraps) }), row.number)
    }
    for (const name of ['wraps', 'body', 'card']) {
      database.exec(`ALTER TABLE coatcheck_sessions DROP COLUMN ${name}`)
    }
    database.exec('COMMIT')
  } catch (error) {
    database.exec('ROLLBACK')
    throw error
  }
}

interface OldRow {
  readonly number: number
  readonly wraps: Bytes
  readonly body: Bytes
  readonly card: Bytes
}

function unpackOldWraps(packed: Bytes): readonly Bytes[] {
  const wraps: Bytes[] = []
  for (let offset = 0; offset + 2 <= packed.length; ) {
    const start = offset + 2
    const end = start + (packed[offset] ?? 0) * 256 + (packed[offset + 1] ?? 0)
    wraps.push(packed.slice(start, end))
    offset = end
  }
  return wraps
}
