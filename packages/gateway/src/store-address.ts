import { ConfigError } from './config.ts'
import { readSecretFile } from './secrets.ts'

/** Where an address of a store is written. */
export interface AddressConfig {
  readonly url?: string | undefined
  readonly urlFile?: string | undefined
  readonly urlEnv?: string | undefined
}

/**
 * The address of a store's server. It may hold a password, so it is never shown; one that stands in the
 * configuration itself must not.
 */
export function readStoreAddress(config: AddressConfig, protocols: readonly string[]): URL {
  const text = read(config)
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !protocols.includes(url.protocol)) {
    throw new ConfigError([
      `sessions.store: the address (not shown) must be one of ${protocols.map((name) => `${name}//`).join(', ')}`,
    ])
  }
  if (config.url !== undefined && url.password !== '') {
    throw new ConfigError([
      'sessions.store.url holds a password: put the address into urlFile or urlEnv',
    ])
  }
  return url
}

function read({ url, urlFile, urlEnv }: AddressConfig): string {
  if (urlFile !== undefined) return readSecretFile(urlFile).trim()
  if (urlEnv === undefined) return url ?? ''
  const value = process.env[urlEnv]
  if (value !== undefined && value.trim() !== '') return value.trim()
  throw new ConfigError([`sessions.store.urlEnv: the environment variable ${urlEnv} is empty`])
}
