import { CoatcheckError } from '../../core/errors.ts'
import type { IoredisLike, RedisArgument, RedisDriver, RunCommand } from './redis-client.ts'

interface Connection {
  callBuffer(command: RedisArgument, ...args: readonly RedisArgument[]): Promise<unknown>
  getBuffer(key: string): Promise<unknown>
  duplicate(options: Readonly<Record<string, unknown>>): Connection
  connect(): Promise<unknown>
  subscribe(...channels: readonly string[]): Promise<unknown>
  on(event: string, listener: (...args: string[]) => void): unknown
  disconnect(): void
}

interface Cluster extends Connection {
  nodes(role: 'master'): readonly Connection[]
  readonly options?: { readonly scaleReads?: unknown }
}

// The store opens a new connection by itself: one that comes back silently would hide that notices were missed.
const LISTENING = {
  lazyConnect: true,
  retryStrategy: null,
  sentinelRetryStrategy: null,
  reconnectOnError: null,
  autoResubscribe: false,
  autoResendUnfulfilledCommands: false,
  enableOfflineQueue: true,
  enableReadyCheck: false,
  commandTimeout: 10_000,
  // Nothing to hear is no failure.
  socketTimeout: undefined,
}

/** A client or Cluster of ioredis or iovalkey. */
export function ioredisDriver(client: IoredisLike): RedisDriver {
  const connection = client as unknown as Connection
  const cluster = isCluster(client) ? (client as unknown as Cluster) : undefined
  if (cluster !== undefined) refuseReplicas(cluster)
  const runOn =
    (node: Connection): RunCommand =>
    (_key, [name = '', ...args]) =>
      node.callBuffer(name, ...args.map(asBuffer))

  return {
    run: runOn(connection),
    isCluster: cluster !== undefined,
    read: (key) => connection.getBuffer(key),
    masters: async () =>
      (cluster === undefined ? [connection] : await mastersOf(cluster)).map(runOn),
    listen: async (channels, onMessage, onLost) => {
      // Any node of a cluster tells what was published on any other.
      const origin = cluster === undefined ? connection : anyOf(await mastersOf(cluster))
      const listening = origin.duplicate(LISTENING)
      listening.on('error', () => {})
      listening.on('end', onLost)
      listening.on('message', (channel = '', message = '') => onMessage(channel, message))
      try {
        await listening.connect()
        await listening.subscribe(...channels)
      } catch (error) {
        listening.disconnect()
        throw error
      }
      return { close: () => listening.disconnect() }
    },
  }
}

function isCluster(client: object): boolean {
  return 'isCluster' in client && client.isCluster === true
}

function refuseReplicas(cluster: Cluster): void {
  const { scaleReads = 'master' } = cluster.options ?? {}
  if (scaleReads === 'master') return
  throw new CoatcheckError('invalid_configuration', {
    detail:
      'redisStore: the Cluster reads from replicas, which show sessions that were ended already: set scaleReads to "master".',
  })
}

async function mastersOf(cluster: Cluster): Promise<readonly Connection[]> {
  // Before the first answer it knows only the nodes it was told of, and drops their connections afterwards.
  await cluster.callBuffer('PING')
  const masters = cluster.nodes('master')
  if (masters.length === 0) throw new CoatcheckError('store_unavailable')
  return masters
}

function anyOf(nodes: readonly Connection[]): Connection {
  const node = nodes[Math.floor(Math.random() * nodes.length)]
  if (node === undefined) throw new CoatcheckError('store_unavailable')
  return node
}

function asBuffer(argument: RedisArgument): RedisArgument {
  if (typeof argument === 'string') return argument
  return Buffer.from(argument.buffer, argument.byteOffset, argument.byteLength)
}
