export { type PostgresStoreOptions, postgresStore } from './sessions/stores/postgres.ts'
export type {
  PgConnection,
  PgPool,
  PgPoolConnection,
  PgQuery,
  PgResult,
  PostgresClient,
  PostgresJsQueries,
  PostgresJsQuery,
  PostgresJsSql,
} from './sessions/stores/postgres-client.ts'
export { postgresStoreMigrations } from './sessions/stores/postgres-schema.ts'
