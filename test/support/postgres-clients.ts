import { Pool } from 'pg'
import postgres from 'postgres'
import type {
  SessionStore,
  StoredSession,
  StoreNotice,
} from '../../packages/coatcheck/src/sessions/session-store.ts'
import type { PostgresClient } from '../../packages/coatcheck/src/sessions/stores/postgres-client.ts'
import { idOf } from '../../packages/coatcheck/src/testing/store-case.ts'
import { storedSession as anySession } from './stored-session.ts'

/** A client of a driver. */
export interface TestClient {
  readonly client: PostgresClient
  end(): Promise<void>
}

/** The drivers that tests go through, each with up to so many connections. */
export const POSTGRES_DRIVERS: readonly {
  readonly name: string
  connect(url: string, max?: number): TestClient
}[] = [
  {
    name: 'pg',
    connect: (url, max = 10) => {
      const pool = new Pool({ connectionString: url, max })
      return { client: pool, end: () => pool.end() }
    },
  },
  {
    name: 'postgres.js',
    connect: (url, max = 10) => {
      const sql = postgres(url, { max, backoff: () => 0.1 })
      return { client: sql, end: () => sql.end({ timeout: 1 }) }
    },
  },
]

let schemas = 0

/** The name of a schema that is not there yet. */
export function newSchema(): string {
  schemas += 1
  return `test_${schemas}`
}

/** A session of a minute, as large as they are. */
export function storedSession(name: string, changes: Partial<StoredSession> = {}): StoredSession {
  return anySession(name, { id: idOf(name), ...changes })
}

/** The code of what a call fails with (`none` for nothing), and all that it says. */
export async function errorOf(
  work: () => unknown,
): Promise<{ readonly code: string; readonly text: string }> {
  try {
    await work()
    return { code: 'none', text: '' }
  } catch (error) {
    const { code, message, cause } = error as Error & { readonly code?: unknown }
    return { code: String(code), text: `${message} ${JSON.stringify(cause)}` }
  }
}

/** What a store tells from now on. */
export async function notices(
  store: SessionStore,
): Promise<{ readonly heard: readonly StoreNotice[]; close(): Promise<void> }> {
  const heard: StoreNotice[] = []
  const subscription = await store.subscribe?.((notice) => heard.push(notice))
  return { heard, close: async () => subscription?.close() }
}

/** What a call gives once the broken connections of a pool were handed out, each of which fails once more. */
export async function afterFaults<T>(work: () => T | Promise<T>): Promise<T> {
  for (let round = 0; round < 12; round += 1) {
    try {
      return await work()
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
  return work()
}
