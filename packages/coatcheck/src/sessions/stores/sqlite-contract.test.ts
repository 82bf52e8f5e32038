import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'vitest'
import { sqliteEngines } from '../../../../../test/support/sqlite-engines.ts'
import { sessionStoreContract } from '../../testing/session-store-contract.ts'
import { sqliteStore } from './sqlite.ts'

describe.each(sqliteEngines())('sqliteStore keeps the contract on a file, with $name', (engine) => {
  const cases = sessionStoreContract((clock) => {
    const folder = mkdtempSync(join(tmpdir(), 'coatcheck-sqlite-'))
    const database = engine.open(join(folder, 'sessions.sqlite'))
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
