import { ENDING_KEPT_MS } from '../session-store.ts'
import { SESSION_COLUMN } from './postgres-rows.ts'
import type { PostgresPlace } from './postgres-schema.ts'
import { quoteText } from './postgres-statement.ts'

/** Every statement of the store; each is atomic by itself. */
export type StatementName =
  | 'get'
  | 'getAll'
  | 'insert'
  | 'replace'
  | 'touch'
  | 'end'
  | 'endBySubject'
  | 'endByProviderSession'
  | 'endOver'
  | 'endingOf'
  | 'listBySubject'
  | 'acquireLease'
  | 'releaseLease'
  | 'claim'
  | 'putBlob'
  | 'takeBlob'
  | 'sweepEndings'
  | 'sweepLeases'
  | 'sweepClaims'
  | 'sweepBlobs'

/**
 * A lease that was let go stays in its row for a while: a row that is there makes the next holder's number after
 * the last one was let go, so that numbers grow from holder to holder.
 */
const LEASE_KEPT_MS = 60_000

// A number in the text, for the planner reckons with a tenth of the table where it is a parameter.
const LIMIT = '$limit'

/** The text of a sweep for a batch of this size. */
export function limited(text: string, limit: number): string {
  return text.replaceAll(LIMIT, String(Math.max(0, Math.floor(limit))))
}

/**
 * The statements for tables in one place. `now` is SQL for the time in milliseconds, evaluated where it stands:
 * after a lock was waited for.
 *
 * Locks are taken in one order: sessions by id, then their times. Whoever only moves times holds no other lock, and
 * sweeps wait for none, so that nobody waits in a circle.
 */
export function writeStatements(
  { schema, channel }: PostgresPlace,
  now: string,
): Readonly<Record<StatementName, string>> {
  const table = (name: string): string => `${schema}.coatcheck_${name}`
  const fencing = `nextval(${quoteText(table('fencing'))})`
  const joined = `FROM ${table('sessions')} s JOIN ${table('times')} t ON t.id = s.id`

  // By arrays, not by joins: whatever the planner thinks of the tables, it goes by their indexes.
  const endAll = (picked: string): string => `WITH picked AS MATERIALIZED (${picked}),
gone AS (DELETE FROM ${table('sessions')} s WHERE s.id = ANY (ARRAY (SELECT p.id FROM picked p)) RETURNING s.*),
times AS (DELETE FROM ${table('times')} t WHERE t.id = ANY (ARRAY (SELECT g.id FROM gone g)) RETURNING t.*),
ending AS (INSERT INTO ${table('endings')} (id, reason, expires_at)
  SELECT g.id, $1::text, ${now} + ${ENDING_KEPT_MS} FROM gone g
  ON CONFLICT (id) DO UPDATE SET reason = excluded.reason, expires_at = excluded.expires_at)
SELECT s.id, ${SESSION_COLUMN}, pg_notify('${channel}', 'ended ' || $1::text || ' ' || s.id)::text
FROM gone s LEFT JOIN times t ON t.id = s.id`

  const sweep = (name: string, key: string, until: string): string => `WITH picked AS MATERIALIZED (
  SELECT ${key} FROM ${table(name)} WHERE expires_at <= (SELECT ${until})
  ORDER BY expires_at LIMIT ${LIMIT} FOR UPDATE SKIP LOCKED)
DELETE FROM ${table(name)} d WHERE d.${key} = ANY (ARRAY (SELECT p.${key} FROM picked p))`

  return {
    get: `SELECT ${SESSION_COLUMN} ${joined} WHERE s.id = $1 AND t.expires_at > ${now}`,
    // A sub-select with a limit is not taken apart: each id goes by the indexes, whatever the planner thinks of the tables.
    getAll: `SELECT f.* FROM unnest(string_to_array($1::text, ' ')) AS p(id) CROSS JOIN LATERAL (
  SELECT s.id, ${SESSION_COLUMN} ${joined} WHERE s.id = p.id AND t.expires_at > ${now} LIMIT 1) f`,
    insert: `WITH s AS (
  INSERT INTO ${table('sessions')} (id, format, version, created_at, subject_key, sid_key, record)
  VALUES ($1, $2, $3, $4, $5, $6, $7::bytea) RETURNING id)
INSERT INTO ${table('times')} (id, last_seen_at, expires_at) SELECT s.id, $8::bigint, $9::bigint FROM s`,
    replace: `WITH s AS (
  UPDATE ${table('sessions')} SET version = $3, subject_key = $4, sid_key = $5, record = $6::bytea
  WHERE id = $1 AND version = $2
    AND EXISTS (SELECT FROM ${table('times')} t WHERE t.id = $1 AND t.expires_at > ${now})
  RETURNING id)
UPDATE ${table('times')} t
SET last_seen_at = greatest(t.last_seen_at, $7::bigint), expires_at = greatest(t.expires_at, $8::bigint)
FROM s WHERE t.id = s.id RETURNING '1'`,
    touch: `UPDATE ${table('times')} t
SET last_seen_at = greatest(t.last_seen_at, $2::bigint), expires_at = greatest(t.expires_at, $3::bigint)
WHERE t.id = $1 AND t.expires_at > ${now} RETURNING '1'`,
    end: endAll(`SELECT id FROM ${table('sessions')} WHERE id = $2 FOR UPDATE`),
    endBySubject: endAll(
      `SELECT id FROM ${table('sessions')} WHERE subject_key = $2 ORDER BY id FOR UPDATE`,
    ),
    endByProviderSession: endAll(
      `SELECT id FROM ${table('sessions')} WHERE sid_key = $2 ORDER BY id FOR UPDATE`,
    ),
    // Times that were moved on meanwhile are seen once their row is locked.
    endOver: endAll(`SELECT s.id FROM ${table('times')} t JOIN ${table('sessions')} s ON s.id = t.id
  WHERE t.expires_at <= (SELECT ${now}) ORDER BY t.expires_at LIMIT ${LIMIT} FOR UPDATE OF s, t SKIP LOCKED`),
    endingOf: `SELECT reason FROM ${table('endings')} WHERE id = $1 AND expires_at > ${now}`,
    listBySubject: `SELECT s.id, ${SESSION_COLUMN} ${joined} WHERE s.subject_key = $1 AND t.expires_at > ${now}`,
    // Whoever finds it held locks nothing.
    acquireLease: `INSERT INTO ${table('leases')} AS l (id, fencing_number, expires_at)
SELECT $1::text, ${fencing}, ${now} + $2::bigint
WHERE NOT EXISTS (SELECT FROM ${table('leases')} h WHERE h.id = $1::text AND h.expires_at > ${now})
ON CONFLICT (id) DO UPDATE SET fencing_number = ${fencing}, expires_at = ${now} + $2::bigint
WHERE l.expires_at <= ${now} RETURNING l.fencing_number::text`,
    releaseLease: `WITH l AS (
  UPDATE ${table('leases')} SET expires_at = ${now}
  WHERE id = $1 AND fencing_number = $2::bigint AND expires_at > ${now} RETURNING id)
SELECT pg_notify('${channel}', 'released ' || l.id)::text FROM l`,
    claim: `INSERT INTO ${table('claims')} AS c (key, count, expires_at)
SELECT sha256($1::bytea), 1, $2::bigint WHERE $2::bigint > ${now} AND $3::bigint >= 1 AND NOT EXISTS (
  SELECT FROM ${table('claims')} u WHERE u.key = sha256($1::bytea) AND u.count >= $3::bigint AND u.expires_at > ${now})
ON CONFLICT (key) DO UPDATE SET
  count = CASE WHEN c.expires_at <= ${now} THEN 1 ELSE c.count + 1 END,
  expires_at = CASE WHEN c.expires_at <= ${now} THEN excluded.expires_at ELSE c.expires_at END
WHERE c.expires_at <= ${now} OR c.count < $3::bigint RETURNING '1'`,
    putBlob: `INSERT INTO ${table('blobs')} (key, bytes, expires_at)
VALUES (sha256($1::bytea), $2::bytea, $3::bigint)
ON CONFLICT (key) DO UPDATE SET bytes = excluded.bytes, expires_at = excluded.expires_at`,
    takeBlob: `DELETE FROM ${table('blobs')} WHERE key = sha256($1::bytea)
RETURNING CASE WHEN expires_at > ${now} THEN encode(bytes, 'base64') END`,
    sweepEndings: sweep('endings', 'id', now),
    sweepLeases: sweep('leases', 'id', `${now} - ${LEASE_KEPT_MS}`),
    sweepClaims: sweep('claims', 'key', now),
    sweepBlobs: sweep('blobs', 'key', now),
  }
}
