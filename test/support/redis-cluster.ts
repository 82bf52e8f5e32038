import {
  freePorts,
  type RedisServer,
  type RedisSettings,
  replicationOf,
  startServer,
  until,
} from './redis-server.ts'

/** Three masters with a replica each. */
export interface RedisCluster {
  readonly ports: readonly number[]
  readonly servers: readonly RedisServer[]
  /** The masters of this moment. */
  masters(): Promise<readonly RedisServer[]>
  /** The master of the slot of a key. */
  masterOf(key: string): Promise<RedisServer>
  /** Makes the replica of a master its successor, without loss. */
  failover(master: RedisServer): Promise<void>
  /** Resolves when every living node says `cluster_state:ok`. */
  settled(): Promise<void>
  close(): Promise<void>
}

/** A Cluster of three masters and three replicas. */
export async function startRedisCluster(settings: RedisSettings = {}): Promise<RedisCluster> {
  const ports = await freePorts(6)
  const own = {
    'cluster-enabled': 'yes',
    'cluster-node-timeout': '1500',
    'cluster-replica-validity-factor': '0',
    'repl-diskless-sync-delay': '0',
    ...settings,
  }
  const servers = await Promise.all(ports.map((port) => startServer(port, own, [])))
  const nodes = ports.map((port) => `127.0.0.1:${port}`)
  const [first] = servers
  if (first === undefined) throw new Error('no server')
  await first.cli('--cluster', 'create', ...nodes, '--cluster-replicas', '1', '--cluster-yes')
  const living = (): readonly RedisServer[] => servers.filter(({ pid }) => pid !== undefined)
  const serverAt = (port: number): RedisServer => {
    const server = servers.find((candidate) => candidate.port === port)
    if (server === undefined) throw new Error(`no server at ${port}`)
    return server
  }
  const rangesOf = async (asked: RedisServer) => {
    const text = await asked.cli('CLUSTER', 'NODES')
    return text.split('\n').flatMap((line) => {
      const [, address = '', flags = '', , , , , ...slots] = line.split(' ')
      if (!flags.includes('master') || flags.includes('fail') || slots.length === 0) return []
      return [{ server: serverAt(Number(/:(\d+)/.exec(address)?.[1])), slots }]
    })
  }
  const ranges = async () => rangesOf(living()[0] ?? first)
  // A node that comes back takes itself for a master until the others tell it better.
  const settled = (): Promise<void> =>
    until('the cluster is ready', async () => {
      const views = await Promise.all(
        living().map(async (server) => {
          const masters = (await rangesOf(server)).map((range) => range.server.port)
          const [state, role] = [await server.cli('CLUSTER', 'INFO'), await replicationOf(server)]
          const isMaster = masters.includes(server.port)
          const isReady = isMaster ? role.includes('role:master') : role.includes('link_status:up')
          const view = masters.toSorted((one, other) => one - other).join()
          return state.includes('cluster_state:ok') && isReady && masters.length === 3 ? view : ''
        }),
      )
      return views[0] !== '' && new Set(views).size === 1
    })
  await settled()
  return {
    ports,
    servers,
    masters: async () => (await ranges()).map(({ server }) => server),
    masterOf: async (key) => {
      const slot = Number(await living()[0]?.cli('CLUSTER', 'KEYSLOT', key))
      const found = (await ranges()).find(({ slots }) =>
        slots.some((range) => {
          const [low = -1, high = low] = range.split('-').map(Number)
          return low <= slot && slot <= high
        }),
      )
      if (found === undefined) throw new Error(`nobody serves slot ${slot}`)
      return found.server
    },
    failover: async (master) => {
      const id = (await master.cli('CLUSTER', 'MYID')).trim()
      const line = (await master.cli('CLUSTER', 'REPLICAS', id)).split('\n')[0] ?? ''
      const replica = serverAt(Number(/ [^ ]*?:(\d+)@/.exec(line)?.[1]))
      await replica.cli('CLUSTER', 'FAILOVER')
      await until('the replica is master', async () =>
        (await replica.cli('ROLE')).startsWith('master'),
      )
    },
    settled,
    close: async () => {
      await Promise.all(servers.map((server) => server.close()))
    },
  }
}
