import { ConfigError, type GatewayConfig } from './config.ts'
import { readSecretFile } from './secrets.ts'

/** The configuration of a store: what it is and where. */
export type StoreConfig = NonNullable<NonNullable<GatewayConfig['sessions']>['store']>

type AddressConfig = Extract<StoreConfig, { readonly kind: 'redis' | 'postgres' }>

/** A server by host and port. */
export interface ServerAddress {
  readonly host: string
  readonly port: number
}

const PROTOCOLS = {
  redis: ['redis:', 'rediss:'],
  postgres: ['postgres:', 'postgresql:'],
}

/**
 * The address of a store's server. It may hold a password, so it is never shown; one that stands in the
 * configuration itself must not. Throws {@link ConfigError}.
 */
export function readStoreAddress(config: AddressConfig): URL {
  const text = read(config)
  const url = URL.canParse(text) ? new URL(text) : undefined
  const protocols = PROTOCOLS[config.kind]
  if (url === undefined || !protocols.includes(url.protocol) || url.hostname === '') {
    throw new ConfigError([
      `sessions.store: the address (not shown) must be one of ${protocols.map((name) => `${name}//`).join(', ')} with a host`,
    ])
  }
  if (config.url !== undefined && url.password !== '') {
    throw new ConfigError([
      'sessions.store.url holds a password: put the address into urlFile or urlEnv',
    ])
  }
  return url
}

/** A further node, written as `host:port`. Throws {@link ConfigError}. */
export function readNode(text: string): ServerAddress {
  const [, host, port] = /^([^@/]+):(\d{1,5})$/.exec(text) ?? []
  if (host === undefined) throw new ConfigError([`sessions.store.nodes: ${text} must be host:port`])
  return { host: withoutBrackets(host), port: Number(port) }
}

/** A host as sockets take it: an address of IPv6 stands in brackets within a URL only. */
export function withoutBrackets(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1')
}

function read({ url, urlFile, urlEnv }: AddressConfig): string {
  if (urlFile !== undefined) return readSecretFile(urlFile).trim()
  if (urlEnv === undefined) return url ?? ''
  const value = process.env[urlEnv]
  if (value !== undefined && value.trim() !== '') return value.trim()
  throw new ConfigError([`sessions.store.urlEnv: the environment variable ${urlEnv} is empty`])
}
