import { redisStore } from 'coatcheck/redis-store'
import { Cluster, Redis } from 'ioredis'
import type { OpenedStore } from './store.ts'
import { readNode, readStoreAddress, type StoreConfig, withoutBrackets } from './store-address.ts'
import type { StoreState } from './store-state.ts'

type RedisConfig = Extract<StoreConfig, { readonly kind: 'redis' }>

const DEFAULT_PORT = 6379
const CONNECT_TIMEOUT_MS = 2000
const COMMAND_TIMEOUT_MS = 2500
const MAX_RETRY_MS = 1000

/** Connects to one server, to a Cluster, or to what Sentinels say is the master. */
export function openRedis(config: RedisConfig, state: StoreState): OpenedStore {
  const url = readStoreAddress(config)
  const client = connect(config, url)
  client.on('error', (error: unknown) => state.down(error))
  client.on('ready', () => state.up())
  const { prefix } = config
  const store = redisStore(client, prefix === undefined ? {} : { prefix })
  return { store, close: () => client.disconnect() }
}

function connect(config: RedisConfig, url: URL): Redis | Cluster {
  const options = optionsOf(url)
  const own = { host: withoutBrackets(url.hostname), port: Number(url.port) || DEFAULT_PORT }
  const others = (config.nodes ?? []).map(readNode)
  if (config.sentinel !== undefined) {
    const { masterName, passwordEnv } = config.sentinel
    const sentinelPassword = passwordEnv === undefined ? undefined : process.env[passwordEnv]
    return new Redis({
      ...options,
      sentinels: [own, ...others],
      name: masterName,
      ...(sentinelPassword === undefined ? {} : { sentinelPassword }),
      sentinelRetryStrategy: retryStrategy,
    })
  }
  if (config.cluster !== true) return new Redis({ ...options, ...own })
  return new Cluster([own, ...others], {
    redisOptions: options,
    clusterRetryStrategy: retryStrategy,
  })
}

function optionsOf(url: URL) {
  const database = url.pathname.slice(1)
  return {
    ...(url.username === '' ? {} : { username: decodeURIComponent(url.username) }),
    ...(url.password === '' ? {} : { password: decodeURIComponent(url.password) }),
    ...(url.protocol === 'rediss:' ? { tls: {} } : {}),
    ...(database === '' ? {} : { db: Number(database) }),
    connectTimeout: CONNECT_TIMEOUT_MS,
    commandTimeout: COMMAND_TIMEOUT_MS,
    // What waits for a server that is away fails with the next try to connect.
    maxRetriesPerRequest: 1,
    retryStrategy,
  }
}

function retryStrategy(times: number): number {
  return Math.min(50 * times, MAX_RETRY_MS)
}
