import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'vitest'
import { sessionStoreContract } from '../../testing/session-store-contract.ts'
import { sqliteStore } from './sqlite.ts'

describe('sqliteStore keeps the contract on a file, with node:sqlite', () => {
  const cases = sessionStoreContract((clock) => {
    const folder = mkdtempSync(join(tmpdir(), 'coatcheck-sqlite-'))
    const database = new DatabaseSync(join(folder, 'sessions.sqlite'))
    return {
      store: sqliteStore(database, { clock }),
      close: () => {
        database.close()
        rmSync(folder, { recursive: true })
      },
    }
  })
  for (const { name, run } of cases) it(name, run)
})
