import { Pool } from 'pg'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { type PostgresServer, startPostgres } from '../../../../../test/support/postgres-server.ts'
import { sessionStoreContract } from '../../testing/session-store-contract.ts'
import { postgresStore } from './postgres.ts'

let server: PostgresServer
let schemas = 0

function newSchema(): string {
  schemas += 1
  return `Case "${schemas}"`
}

beforeAll(async () => {
  server = await startPostgres()
})
afterAll(() => server.close())

describe('postgresStore keeps the contract on a server, with pg', () => {
  let pool: Pool
  beforeAll(() => {
    pool = new Pool({ connectionString: server.url })
  })
  afterAll(() => pool.end())
  const cases = sessionStoreContract((clock) => ({
    store: postgresStore(pool, { clock, schema: newSchema() }),
  }))
  for (const { name, run } of cases) it(name, run)
})

describe('postgresStore keeps the contract on a server, with postgres.js', () => {
  let sql: postgres.Sql
  beforeAll(() => {
    sql = postgres(server.url)
  })
  afterAll(() => sql.end())
  const cases = sessionStoreContract((clock) => ({
    store: postgresStore(sql, { clock, schema: newSchema() }),
  }))
  for (const { name, run } of cases) it(name, run)
})

describe('postgresStore keeps the contract without prepared statements', () => {
  let pool: Pool
  beforeAll(() => {
    pool = new Pool({ connectionString: server.url })
  })
  afterAll(() => pool.end())
  const cases = sessionStoreContract((clock) => ({
    store: postgresStore(pool, { clock, schema: newSchema(), prepare: false }),
  }))
  for (const { name, run } of cases) it(name, run)
})
