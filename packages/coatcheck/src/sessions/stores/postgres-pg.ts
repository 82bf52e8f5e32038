import type { PgConnection, PgOwnConnection, PgPool, PgQuery } from './postgres-client.ts'
import {
  type PostgresDriver,
  type PostgresHearing,
  type PostgresListener,
  type PostgresRow,
  quoteName,
} from './postgres-statement.ts'

/** What every column is read as: the server's own text, whatever parsers an application has set. */
const TEXT = { getTypeParser: () => (text: string) => text }

/** A driver over a `pg.Pool`. */
export function pgDriver(pool: PgPool, prepare: boolean): PostgresDriver {
  bearIdleErrors(pool)
  return {
    query: async ({ name, text }, values) => {
      const query: PgQuery = { text, values: [...values], rowMode: 'array', types: TEXT }
      return rowsOf(await pool.query(prepare && name !== undefined ? { name, ...query } : query))
    },
    transaction: async (work) => {
      const connection = await pool.connect()
      const run = (sql: string) => runOn(connection, sql)
      let isWhole = false
      try {
        await run('BEGIN')
        const result = await work(run)
        await run('COMMIT')
        isWhole = true
        return result
      } finally {
        // A connection that is closed rolls back by itself.
        connection.release(!isWhole)
      }
    },
    listen: (channels, hearing) => listenWith(pool, channels, hearing),
  }
}

const borne = new WeakSet<PgPool>()

// A pool drops a connection that was lost while it was idle, and tells of it; if nobody listens, the process ends.
function bearIdleErrors(pool: PgPool): void {
  if (borne.has(pool)) return
  borne.add(pool)
  pool.on('error', () => {})
}

async function runOn(connection: PgConnection, sql: string): Promise<readonly PostgresRow[]> {
  return rowsOf(await connection.query({ text: sql, rowMode: 'array', types: TEXT }))
}

function rowsOf({ rows }: { readonly rows: unknown[] }): readonly PostgresRow[] {
  return rows as readonly PostgresRow[]
}

async function listenWith(
  pool: PgPool,
  channels: readonly string[],
  { hear, lost }: PostgresHearing,
): Promise<PostgresListener> {
  const { connection, close } = await connectBeside(pool)
  connection.on('notification', ({ channel, payload }: Notification) =>
    hear(channel, payload ?? ''),
  )
  connection.on('error', lost)
  connection.on('end', lost)
  try {
    for (const channel of channels) await runOn(connection, `LISTEN ${quoteName(channel)}`)
  } catch (error) {
    await close()
    throw error
  }
  return { comesBack: false, close }
}

interface Notification {
  readonly channel: string
  readonly payload?: string
}

interface Beside {
  readonly connection: PgConnection
  close(): Promise<void>
}

/**
 * A connection that listens is never given back: it is made beside the pool, which may be small and full. Pools
 * that only look like pg's lend one of theirs.
 */
async function connectBeside(pool: PgPool): Promise<Beside> {
  const { Client, options } = pool as PgPool & {
    readonly Client?: new (options: unknown) => PgOwnConnection
    readonly options?: unknown
  }
  if (Client === undefined) {
    const connection = await pool.connect()
    connection.on('error', () => {})
    return { connection, close: async () => connection.release(true) }
  }
  const connection = new Client(options)
  // An error without a listener would end the process.
  connection.on('error', () => {})
  await connection.connect()
  return { connection, close: () => connection.end().catch(() => {}) }
}
