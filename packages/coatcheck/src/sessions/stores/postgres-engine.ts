import { createHash } from 'node:crypto'
import type { Clock } from '../../core/clock.ts'
import { hasLostTables, retryConflicts, scrubbed } from './postgres-retry.ts'
import { whole } from './postgres-rows.ts'
import { type PostgresPlace, preparePostgres } from './postgres-schema.ts'
import { limited, type StatementName, writeStatements } from './postgres-sql.ts'
import type {
  PostgresDriver,
  PostgresRow,
  PostgresStatement,
  PostgresValue,
} from './postgres-statement.ts'

/** Runs the store's statements, on tables that are there. */
export interface PostgresEngine {
  /** Makes the tables, once; what failed because the server was away is tried again by whoever comes next. */
  prepare(): Promise<PostgresPlace>
  run(name: StatementName, ...values: readonly PostgresValue[]): Promise<readonly PostgresRow[]>
  /** Runs a sweep for a batch of this size. */
  sweep(
    name: StatementName,
    limit: number,
    ...values: readonly PostgresValue[]
  ): Promise<readonly PostgresRow[]>
  /** Sends nothing but itself to a channel. */
  signal(channel: string): Promise<void>
}

/** What {@link createPostgresEngine} is made of. */
export interface PostgresEngineOptions {
  readonly driver: PostgresDriver
  /** Default: the server's clock. */
  readonly clock: Clock | undefined
  readonly schema: string | undefined
}

const ENGINE_NOW = 'floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint'
const NOW_PARAMETER = '$now::bigint'
const SIGNAL: PostgresStatement = named("SELECT pg_notify($1::text, '')::text")

/** An engine over a driver. Rejects with `CoatcheckError`s alone. */
export function createPostgresEngine(options: PostgresEngineOptions): PostgresEngine {
  const { driver, clock, schema } = options
  let ready: Ready | undefined
  let preparing: Promise<Ready> | undefined

  async function makeReady(): Promise<Ready> {
    const place = await retryConflicts(() => preparePostgres(driver, schema))
    const texts = writeStatements(place, clock === undefined ? ENGINE_NOW : NOW_PARAMETER)
    const entries = Object.entries(texts).map(([name, text]) => [name, timed(text)])
    return { place, texts, statements: Object.fromEntries(entries) }
  }

  async function prepared(): Promise<Ready> {
    preparing ??= makeReady()
    try {
      ready = await preparing
      return ready
    } finally {
      preparing = undefined
    }
  }

  // Without `async`: each of its turns would be waited for on every request.
  function answer(
    choose: (ready: Ready) => TimedStatement,
    values: readonly PostgresValue[],
  ): Promise<readonly PostgresRow[]> {
    const rows =
      ready === undefined
        ? prepared().then((now) => ask(choose(now), values))
        : ask(choose(ready), values)
    return rows.catch((error: unknown) => {
      if (hasLostTables(error)) ready = undefined
      throw scrubbed(error)
    })
  }

  function ask(
    statement: TimedStatement,
    values: readonly PostgresValue[],
  ): Promise<readonly PostgresRow[]> {
    return retryConflicts(() => {
      const withNow = statement.takesNow && clock !== undefined
      return driver.query(statement, withNow ? [...values, whole(clock())] : values)
    })
  }

  return {
    prepare: async () => {
      try {
        return (ready ?? (await prepared())).place
      } catch (error) {
        throw scrubbed(error)
      }
    },
    run: (name, ...values) => answer(({ statements }) => statements[name], values),
    sweep: (name, limit, ...values) =>
      answer(({ texts }) => timed(limited(texts[name], limit)), values),
    signal: async (channel) => {
      await driver.query(SIGNAL, [channel])
    },
  }
}

interface Ready {
  readonly place: PostgresPlace
  readonly texts: Readonly<Record<StatementName, string>>
  readonly statements: Readonly<Record<StatementName, TimedStatement>>
}

interface TimedStatement extends PostgresStatement {
  /** Whether the time of an injected clock is its last parameter. */
  readonly takesNow: boolean
}

function timed(text: string): TimedStatement {
  const used = [...text.matchAll(/\$(\d+)/g)].map(([, number]) => Number(number))
  const now = `$${Math.max(0, ...used) + 1}::bigint`
  const takesNow = text.includes(NOW_PARAMETER)
  return { ...named(text.replaceAll(NOW_PARAMETER, now)), takesNow }
}

// After its text: two stores on one pool, or two releases in one process, never mean different things by a name.
function named(text: string): PostgresStatement {
  const digest = createHash('sha256').update(text).digest('base64url')
  return { name: `coatcheck_${digest.slice(0, 16)}`, text }
}
