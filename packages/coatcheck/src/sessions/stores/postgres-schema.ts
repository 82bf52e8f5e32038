import { CoatcheckError } from '../../core/errors.ts'
import { stateOf } from './postgres-retry.ts'
import { type PostgresDriver, quoteName, quoteText, type RunSql } from './postgres-statement.ts'

// Any number that no other program uses.
const LOCK = 4_857_341_126
const INSUFFICIENT_PRIVILEGE = '42501'

/**
 * One text for each version, to be run in the schema where the tables shall be. Each can be run again.
 *
 * A record of 3 KB lies in its row (two to a page), not compressed, since ciphertext is as small as it gets. Times
 * change often and stand apart, so that a touch rewrites a row of 60 bytes.
 */
const MIGRATIONS: readonly string[] = [
  `
CREATE TABLE IF NOT EXISTS coatcheck_schema (version integer PRIMARY KEY);
CREATE TABLE IF NOT EXISTS coatcheck_sessions (
  id text COLLATE "C" PRIMARY KEY,
  format smallint NOT NULL,
  version bigint NOT NULL,
  created_at bigint NOT NULL,
  subject_key text COLLATE "C" NOT NULL,
  sid_key text COLLATE "C",
  record bytea NOT NULL
) WITH (toast_tuple_target = 8160);
ALTER TABLE coatcheck_sessions ALTER COLUMN record SET STORAGE EXTERNAL;
CREATE INDEX IF NOT EXISTS coatcheck_sessions_subject ON coatcheck_sessions (subject_key);
CREATE INDEX IF NOT EXISTS coatcheck_sessions_sid ON coatcheck_sessions (sid_key) WHERE sid_key IS NOT NULL;
CREATE TABLE IF NOT EXISTS coatcheck_times (
  id text COLLATE "C" PRIMARY KEY,
  last_seen_at bigint NOT NULL,
  expires_at bigint NOT NULL
);
CREATE INDEX IF NOT EXISTS coatcheck_times_expiry ON coatcheck_times (expires_at);
CREATE TABLE IF NOT EXISTS coatcheck_endings (
  id text COLLATE "C" PRIMARY KEY, reason text NOT NULL, expires_at bigint NOT NULL
);
CREATE INDEX IF NOT EXISTS coatcheck_endings_expiry ON coatcheck_endings (expires_at);
CREATE SEQUENCE IF NOT EXISTS coatcheck_fencing;
CREATE TABLE IF NOT EXISTS coatcheck_leases (
  id text COLLATE "C" PRIMARY KEY, fencing_number bigint NOT NULL, expires_at bigint NOT NULL
);
CREATE INDEX IF NOT EXISTS coatcheck_leases_expiry ON coatcheck_leases (expires_at);
CREATE TABLE IF NOT EXISTS coatcheck_claims (
  key bytea PRIMARY KEY, count bigint NOT NULL, expires_at bigint NOT NULL
);
CREATE INDEX IF NOT EXISTS coatcheck_claims_expiry ON coatcheck_claims (expires_at);
CREATE TABLE IF NOT EXISTS coatcheck_blobs (
  key bytea PRIMARY KEY, bytes bytea NOT NULL, expires_at bigint NOT NULL
);
CREATE INDEX IF NOT EXISTS coatcheck_blobs_expiry ON coatcheck_blobs (expires_at);
INSERT INTO coatcheck_schema (version) VALUES (1) ON CONFLICT DO NOTHING;
`,
]

/**
 * What `postgresStore` runs to make its tables, for whoever runs it under another role: in the schema where the
 * tables shall be (`SET search_path TO ...`), with `psql` or the tool of your migrations. Harmless when repeated.
 */
export const postgresStoreMigrations: string = `BEGIN;
SELECT pg_advisory_xact_lock(${LOCK});${MIGRATIONS.join('')}COMMIT;
`

/** Where the tables are. */
export interface PostgresPlace {
  /** The schema's name, quoted. */
  readonly schema: string
  /** On which channel notices of this schema are sent: one for each schema of a database. */
  readonly channel: string
}

/**
 * Makes the tables, or brings them up to date: one process at a time, and only where something is missing, so
 * that a role without CREATE can use tables that are there. Rejects with `invalid_configuration` for tables of a
 * newer release, and for a role that would have to make some and may not.
 */
export async function preparePostgres(
  driver: PostgresDriver,
  schema: string | undefined,
): Promise<PostgresPlace> {
  const look: RunSql = (text) => driver.query({ text }, [])
  if (schema === undefined || (await exists(look, schema))) {
    const place = await find(look, schema)
    if (place.version === MIGRATIONS.length) return place
  }
  try {
    return await driver.transaction(async (run) => {
      await run(`SELECT pg_advisory_xact_lock(${LOCK})`)
      if (schema !== undefined && !(await exists(run, schema))) {
        await run(`CREATE SCHEMA ${quoteName(schema)}`)
      }
      const place = await find(run, schema)
      await run(`SET LOCAL search_path TO ${place.schema}`)
      for (const migration of MIGRATIONS.slice(place.version)) await run(migration)
      return place
    })
  } catch (error) {
    if (stateOf(error) !== INSUFFICIENT_PRIVILEGE) throw error
    throw new CoatcheckError('invalid_configuration', {
      cause: error,
      detail:
        'The role of this connection may not make the tables of postgresStore: run postgresStoreMigrations under one that may, and grant this one what docs/stores-postgres.md lists.',
    })
  }
}

async function find(
  run: RunSql,
  schema: string | undefined,
): Promise<PostgresPlace & { readonly version: number }> {
  // Tables that a search path finds may lie behind its first schema.
  const oid =
    schema === undefined
      ? "coalesce((SELECT relnamespace FROM pg_class WHERE oid = to_regclass('coatcheck_schema')), to_regnamespace(quote_ident(current_schema())))"
      : oidOf(schema)
  const [row] = await run(
    `SELECT n.oid::text, quote_ident(n.nspname), (SELECT c.oid FROM pg_class c WHERE c.relnamespace = n.oid AND c.relname = 'coatcheck_schema')::text FROM pg_namespace n WHERE n.oid = ${oid}`,
  )
  const [number, name, table] = row ?? []
  if (typeof number !== 'string' || typeof name !== 'string') {
    throw new CoatcheckError('invalid_configuration', {
      detail: 'No schema of the search path exists: give postgresStore the option schema.',
    })
  }
  const place = { schema: name, channel: `coatcheck_${number}` }
  if (typeof table !== 'string') return { ...place, version: 0 }
  const versions = await run(`SELECT max(version)::text FROM ${name}.coatcheck_schema`)
  const version = Number(versions[0]?.[0] ?? 0)
  if (version > MIGRATIONS.length) {
    throw new CoatcheckError('invalid_configuration', {
      detail: `The tables of postgresStore are of version ${version}, which a newer release of coatcheck made; this one knows ${MIGRATIONS.length}: upgrade this process.`,
    })
  }
  return { ...place, version }
}

async function exists(run: RunSql, schema: string): Promise<boolean> {
  return (await run(`SELECT ${oidOf(schema)}::text`))[0]?.[0] !== null
}

// Not by to_regnamespace: a connection remembers for a while that there was none.
function oidOf(schema: string): string {
  return `(SELECT oid FROM pg_namespace WHERE nspname = ${quoteText(schema)})`
}
