import { chmodSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'

/** What oidc-provider asks of a place that keeps its records. */
export interface ProviderAdapter {
  upsert(id: string, payload: object, expiresInSeconds?: number): Promise<void>
  find(id: string): Promise<ProviderPayload | undefined>
  findByUid(uid: string): Promise<ProviderPayload | undefined>
  findByUserCode(userCode: string): Promise<ProviderPayload | undefined>
  consume(id: string): Promise<void>
  destroy(id: string): Promise<void>
  revokeByGrantId(grantId: string): Promise<void>
}

/** A record of oidc-provider's; its members are the provider's own business. */
export type ProviderPayload = Record<string, unknown>

/** Keeps grants, sessions and refresh tokens of the provider in SQLite. */
export interface ProviderStore {
  adapter(model: string): ProviderAdapter
  close(): void
}

interface Row {
  readonly payload: string
  readonly consumed_at: number | null
}

const SCHEMA = `
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
PRAGMA busy_timeout = 50;
CREATE TABLE IF NOT EXISTS records (
  model TEXT NOT NULL,
  id TEXT NOT NULL,
  payload TEXT NOT NULL,
  expires_at INTEGER,
  consumed_at INTEGER,
  grant_id TEXT,
  uid TEXT,
  PRIMARY KEY (model, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS records_by_grant ON records (grant_id) WHERE grant_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS records_by_uid ON records (uid) WHERE uid IS NOT NULL;
CREATE INDEX IF NOT EXISTS records_by_expiry ON records (expires_at) WHERE expires_at IS NOT NULL;
`

// A grant itself is not one of the records that go with it: oidc-provider destroys it on its own.
const REVOKED_WITH_GRANT = "('AccessToken', 'AuthorizationCode', 'RefreshToken')"

/**
 * Opens the store, readable by the owner alone, and drops what has expired; without a file it lives in
 * memory.
 *
 * @see https://github.com/panva/node-oidc-provider/blob/v9.x/example/my_adapter.js
 */
export function openProviderStore(file?: string): ProviderStore {
  const database = new DatabaseSync(file ?? ':memory:')
  if (file !== undefined) chmodSync(file, 0o600)
  database.exec(SCHEMA)
  database.prepare('DELETE FROM records WHERE expires_at <= ?').run(nowSeconds())
  const upsert = database.prepare(
    `INSERT INTO records (model, id, payload, expires_at, grant_id, uid) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT (model, id) DO UPDATE SET payload = excluded.payload,
       expires_at = excluded.expires_at, grant_id = excluded.grant_id, uid = excluded.uid`,
  )
  const live = '(expires_at IS NULL OR expires_at > ?)'
  const byId = database.prepare(
    `SELECT payload, consumed_at FROM records WHERE model = ? AND id = ? AND ${live}`,
  )
  const byUid = database.prepare(
    `SELECT payload, consumed_at FROM records WHERE model = ? AND uid = ? AND ${live}`,
  )
  const consume = database.prepare('UPDATE records SET consumed_at = ? WHERE model = ? AND id = ?')
  const destroy = database.prepare('DELETE FROM records WHERE model = ? AND id = ?')
  const revoke = database.prepare(
    `DELETE FROM records WHERE grant_id = ? AND model IN ${REVOKED_WITH_GRANT}`,
  )

  const adapter = (model: string): ProviderAdapter => ({
    upsert: async (id, payload, expiresInSeconds) => {
      const expiresAt = expiresInSeconds === undefined ? null : nowSeconds() + expiresInSeconds
      const grantId = textOf(payload, 'grantId')
      upsert.run(model, id, JSON.stringify(payload), expiresAt, grantId, textOf(payload, 'uid'))
    },
    find: async (id) => read(byId.get(model, id, nowSeconds())),
    findByUid: async (uid) => read(byUid.get(model, uid, nowSeconds())),
    findByUserCode: async () => undefined,
    consume: async (id) => {
      consume.run(nowSeconds(), model, id)
    },
    destroy: async (id) => {
      destroy.run(model, id)
    },
    revokeByGrantId: async (grantId) => {
      revoke.run(grantId)
    },
  })
  return { adapter, close: () => database.close() }
}

function read(row: unknown): ProviderPayload | undefined {
  if (row === undefined) return undefined
  const { payload, consumed_at: consumedAt } = row as Row
  const record = JSON.parse(payload) as ProviderPayload
  return consumedAt === null ? record : { ...record, consumed: consumedAt }
}

function textOf(payload: object, member: string): string | null {
  const value = Object.entries(payload).find(([name]) => name === member)?.[1]
  return typeof value === 'string' ? value : null
}

function nowSeconds(): number {
  return Math.floor(Date.now() / 1000)
}
