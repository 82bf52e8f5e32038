import { CoatcheckError } from '../../core/errors.ts'
import type { PgPool, PostgresClient, PostgresJsSql } from './postgres-client.ts'
import { pgDriver } from './postgres-pg.ts'
import { postgresJsDriver } from './postgres-postgresjs.ts'
import type { PostgresDriver } from './postgres-statement.ts'

/**
 * The driver for a client, by its shape. Throws `wrong_use` for what is none.
 *
 * A single connection of pg is none: what parallel requests send over it would share transactions.
 */
export function postgresDriver(client: PostgresClient, prepare: boolean): PostgresDriver {
  if (isPostgresJs(client)) return postgresJsDriver(client, prepare)
  if (isPgPool(client)) return pgDriver(client, prepare)
  throw new CoatcheckError('wrong_use', {
    detail:
      'postgresStore expects a Pool of pg (a Client is one connection, which parallel requests cannot share), or what postgres(url) of postgres.js gives back.',
  })
}

function isPostgresJs(client: PostgresClient): client is PostgresJsSql {
  // A transaction or a reserved connection of postgres.js cannot listen.
  return typeof client === 'function' && has(client, 'unsafe', 'begin', 'listen')
}

function isPgPool(client: PostgresClient): client is PgPool {
  return (
    typeof client === 'object' && has(client, 'query', 'connect', 'on') && 'totalCount' in client
  )
}

function has(client: object | null, ...methods: readonly string[]): boolean {
  return methods.every((method) => typeof Reflect.get(client ?? {}, method) === 'function')
}
