import { postgresStore } from 'coatcheck/postgres-store'
import pg from 'pg'
import type { OpenedStore } from './store.ts'
import { readStoreAddress, type StoreConfig } from './store-address.ts'
import type { StoreState } from './store-state.ts'

type PostgresConfig = Extract<StoreConfig, { readonly kind: 'postgres' }>

const DEFAULT_CONNECTIONS = 10
const CONNECT_TIMEOUT_MS = 2000
const QUERY_TIMEOUT_MS = 2500

/** A pool of connections to PostgreSQL. */
export function openPostgres(config: PostgresConfig, state: StoreState): OpenedStore {
  const url = readStoreAddress(config)
  const pool = new pg.Pool({
    connectionString: url.href,
    max: config.maxConnections ?? DEFAULT_CONNECTIONS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
    keepAlive: true,
    application_name: 'coatcheck',
  })
  pool.on('error', (error) => state.down(error))
  pool.on('connect', () => state.up())
  const { schema } = config
  const store = postgresStore(pool, schema === undefined ? {} : { schema })
  return { store, close: () => pool.end() }
}
