import { CoatcheckError } from '../../core/errors.ts'
import type { PostgresJsQueries, PostgresJsSql } from './postgres-client.ts'
import type {
  PostgresDriver,
  PostgresHearing,
  PostgresListener,
  PostgresRow,
  PostgresValue,
  RunSql,
} from './postgres-statement.ts'

/** A driver over postgres.js. Its own `prepare: false` wins over ours. */
export function postgresJsDriver(sql: PostgresJsSql, prepare: boolean): PostgresDriver {
  return {
    query: ({ name, text }, values) => run(sql, text, values, prepare && name !== undefined),
    transaction: async <T>(work: (run: RunSql) => Promise<T>) => {
      const result = await sql.begin((queries) => work((text) => run(queries, text, [], false)))
      return result as T
    },
    listen: (channels, hearing) => listenWith(sql, channels, hearing),
  }
}

async function run(
  queries: PostgresJsQueries,
  text: string,
  values: readonly PostgresValue[],
  prepare: boolean,
): Promise<readonly PostgresRow[]> {
  // Undecoded, whatever types and transformations the application has set.
  const rows = await queries.unsafe(text, [...values] as never[], { prepare }).raw()
  return (rows as readonly (readonly (Buffer | null)[])[]).map((row) => {
    if (Array.isArray(row)) return row.map((column) => column?.toString('utf8') ?? null)
    throw new CoatcheckError('invalid_configuration', {
      detail:
        'The option transform.row of postgres.js changes the rows of every query: give postgresStore an sql without it.',
    })
  })
}

/**
 * postgres.js has one connection for all that listen, and makes another one whenever it is lost: also when the
 * first try fails, so that asking twice would mean hearing twice.
 */
async function listenWith(
  sql: PostgresJsSql,
  channels: readonly string[],
  { hear, resumed }: PostgresHearing,
): Promise<PostgresListener> {
  let isClosed = false
  const waiting = new Set(channels)
  const made: { unlisten(): Promise<void> }[] = []

  await Promise.all(
    channels.map(
      (channel) =>
        new Promise<void>((resolve) => {
          const onListening = (): void => {
            if (waiting.delete(channel)) resolve()
            else if (!isClosed && channel === channels[0]) resumed()
          }
          const onPayload = (payload: string): void => {
            if (!isClosed) hear(channel, payload)
          }
          sql.listen(channel, onPayload, onListening).then(
            (listening) => made.push(listening),
            // It tries again by itself, and calls onListening then.
            () => {},
          )
        }),
    ),
  )
  return {
    comesBack: true,
    close: async () => {
      isClosed = true
      await Promise.all(made.map((listening) => listening.unlisten().catch(() => {})))
    },
  }
}
