import { CoatcheckError } from '../../core/errors.ts'
import type {
  NodeRedisLike,
  RedisArgument,
  RedisDriver,
  RedisListener,
  RunCommand,
} from './redis-client.ts'

type OnMessage = (message: string, channel: string) => void

interface Client {
  sendCommand(command: readonly RedisArgument[]): Promise<unknown>
  withTypeMapping(mapping: Readonly<Record<number, unknown>>): Client
  duplicate(): Client
  connect(): Promise<unknown>
  subscribe(channels: readonly string[], listener: OnMessage): Promise<unknown>
  on(event: string, listener: (detail?: { readonly type?: unknown }) => void): unknown
  destroy(): unknown
}

interface Cluster {
  readonly masters: readonly object[]
  nodeClient(node: object): Client | Promise<Client>
  withTypeMapping(mapping: Readonly<Record<number, unknown>>): Cluster
  sendCommand(
    firstKey: string | undefined,
    isReadonly: boolean,
    command: readonly RedisArgument[],
  ): Promise<unknown>
}

interface Sentinel {
  withTypeMapping(mapping: Readonly<Record<number, unknown>>): Sentinel
  sendCommand(isReadonly: boolean, command: readonly RedisArgument[]): Promise<unknown>
  duplicate(): Client
}

// RESP's mark of a bulk string, "$": whatever we keep may be binary.
const BULK_STRING = 36
const CONNECT_WITHIN_MS = 10_000

/** A client, cluster or sentinel client of node-redis. */
export function nodeRedisDriver(client: NodeRedisLike): RedisDriver {
  if ('nodeClient' in client) return clusterDriver(client as unknown as Cluster)
  if ('getMasterNode' in client) return sentinelDriver(client as unknown as Sentinel)
  const single = client as unknown as Client
  const run = runOn(single)
  return {
    run,
    isCluster: false,
    read: (key) => run(key, ['GET', key]),
    masters: async () => [run],
    listen: (channels, onMessage, onLost) =>
      listenOn(single.duplicate(), channels, onMessage, onLost),
  }
}

function clusterDriver(cluster: Cluster): RedisDriver {
  const binary = cluster.withTypeMapping({ [BULK_STRING]: Buffer })
  return {
    // "Not readonly" keeps reads away from replicas, which show sessions that were ended already.
    run: (key, command) => binary.sendCommand(key, false, command.map(asBuffer)),
    isCluster: true,
    read: (key) => binary.sendCommand(key, false, ['GET', key]),
    masters: async () =>
      Promise.all(cluster.masters.map(async (node) => runOn(await cluster.nodeClient(node)))),
    listen: async (channels, onMessage, onLost) => {
      // Any node of a cluster tells what was published on any other.
      const node = cluster.masters[Math.floor(Math.random() * cluster.masters.length)]
      if (node === undefined) throw new CoatcheckError('store_unavailable')
      const origin = await cluster.nodeClient(node)
      return listenOn(origin.duplicate(), channels, onMessage, onLost)
    },
  }
}

function sentinelDriver(sentinel: Sentinel): RedisDriver {
  const binary = sentinel.withTypeMapping({ [BULK_STRING]: Buffer })
  const run: RunCommand = (_key, command) => binary.sendCommand(false, command.map(asBuffer))
  return {
    run,
    isCluster: false,
    read: (key) => run(key, ['GET', key]),
    masters: async () => [run],
    listen: async (channels, onMessage, onLost) => {
      const origin = sentinel.duplicate()
      const listening = await listenOn(origin, channels, onMessage, onLost)
      // From now on it moves to a new master by itself, and says no word about what it missed meanwhile.
      origin.on('topology-change', (event) => {
        if (event?.type === 'MASTER_CHANGE') onLost()
      })
      return listening
    },
  }
}

function runOn(client: Client): RunCommand {
  const binary = client.withTypeMapping({ [BULK_STRING]: Buffer })
  return (_key, command) => binary.sendCommand(command.map(asBuffer))
}

async function listenOn(
  listening: Client,
  channels: readonly string[],
  onMessage: (channel: string, message: string) => void,
  onLost: () => void,
): Promise<RedisListener> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const failed = new Promise<never>((_resolve, reject) => {
    const fail = (): void => {
      reject(new CoatcheckError('store_unavailable'))
      onLost()
    }
    // It reconnects by itself without end; the store opens a new one, and knows then what may be missing.
    for (const event of ['error', 'end', 'reconnecting']) listening.on(event, fail)
    timer = setTimeout(fail, CONNECT_WITHIN_MS)
  })
  try {
    const connected = listening
      .connect()
      .then(() => listening.subscribe(channels, (message, channel) => onMessage(channel, message)))
    await Promise.race([connected, failed])
  } catch (error) {
    destroy(listening)
    throw error
  } finally {
    clearTimeout(timer)
    failed.catch(() => {})
  }
  return { close: () => destroy(listening) }
}

// Whatever is open ends at once; what is closed already says so by failing.
function destroy(client: Client): void {
  void (async () => client.destroy())().catch(() => {})
}

function asBuffer(argument: RedisArgument): RedisArgument {
  if (typeof argument === 'string') return argument
  return Buffer.from(argument.buffer, argument.byteOffset, argument.byteLength)
}
