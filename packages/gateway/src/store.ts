import { chmodSync, closeSync, openSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import type { CounterOptions } from 'coatcheck'
import { memoryStore } from 'coatcheck/memory-store'
import { sqliteStore } from 'coatcheck/sqlite-store'
import { ConfigError, type GatewayConfig } from './config.ts'

/** A session store that can be closed. */
export interface OpenedStore {
  readonly store: CounterOptions['sessions']['store']
  close(): void
}

type StoreConfig = NonNullable<GatewayConfig['sessions']>['store']

/** Opens the configured store: memory unless something else is said. */
export function openStore(config: StoreConfig): OpenedStore {
  if (config === undefined || config.kind === 'memory')
    return { store: memoryStore(), close: () => {} }
  // Made by us before the engine opens it: never, not even for a moment, can others read it.
  try {
    closeSync(openSync(config.file, 'a', 0o600))
    chmodSync(config.file, 0o600)
  } catch {
    throw new ConfigError([
      `sessions.store.file: ${config.file} cannot be written: is its folder there?`,
    ])
  }
  const database = new DatabaseSync(config.file)
  return { store: sqliteStore(database), close: () => database.close() }
}
