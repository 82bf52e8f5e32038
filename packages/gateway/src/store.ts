import { chmodSync, closeSync, existsSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { memoryStore, type SessionStore } from 'coatcheck/memory-store'
import { sqliteStore } from 'coatcheck/sqlite-store'
import type { Logger } from 'pino'
import { ConfigError, type GatewayConfig } from './config.ts'
import { readNode, readStoreAddress, type StoreConfig } from './store-address.ts'
import { createStoreState } from './store-state.ts'

/** A session store that can be closed. */
export interface OpenedStore {
  readonly store: SessionStore
  close(): void | Promise<void>
}

/**
 * Opens the configured store: memory unless something else is said. A server that is away is no fault: the
 * store answers when it comes.
 */
export async function openStore(
  config: StoreConfig | undefined,
  logger: Logger,
): Promise<OpenedStore> {
  switch (config?.kind) {
    case 'redis': {
      // A driver is loaded by those who need it.
      const { openRedis } = await import('./store-redis.ts')
      return openRedis(config, createStoreState(logger))
    }
    case 'postgres': {
      const { openPostgres } = await import('./store-postgres.ts')
      return openPostgres(config, createStoreState(logger))
    }
    case 'sqlite':
      return openSqlite(config.file)
    default:
      return { store: memoryStore(), close: () => {} }
  }
}

/** The store of a configuration; `undefined` where sessions lie in cookies and nothing is said of a store. */
export function openSessionStore(
  { sessions }: GatewayConfig,
  logger: Logger,
): Promise<OpenedStore> | undefined {
  return needsStore(sessions) ? openStore(sessions?.store, logger) : undefined
}

/** Whether sessions are kept in a store, the one in memory included. */
export function needsStore(sessions: GatewayConfig['sessions']): boolean {
  return sessions?.kind !== 'sealed-cookie' || sessions.store !== undefined
}

/** Checks what can be checked without connecting: addresses, their files and variables. Throws {@link ConfigError}. */
export function checkStore(config: StoreConfig | undefined): void {
  if (config?.kind === 'sqlite' && !existsSync(dirname(config.file))) throw unwritable(config.file)
  if (config?.kind === 'redis' || config?.kind === 'postgres') readStoreAddress(config)
  if (config?.kind === 'redis') config.nodes?.forEach(readNode)
}

function openSqlite(file: string): OpenedStore {
  // Made by us before the engine opens it: never, not even for a moment, can others read it.
  try {
    closeSync(openSync(file, 'a', 0o600))
    chmodSync(file, 0o600)
  } catch {
    throw unwritable(file)
  }
  const database = new DatabaseSync(file)
  return { store: sqliteStore(database), close: () => database.close() }
}

function unwritable(file: string): ConfigError {
  return new ConfigError([`sessions.store.file: ${file} cannot be written: is its folder there?`])
}
