import {
  freePorts,
  type RedisServer,
  type RedisSettings,
  replicationOf,
  startServer,
  until,
} from './redis-server.ts'

/** A master, a replica or two, and three sentinels that replace it within seconds. */
export interface RedisSentinel {
  /** The name of the master for clients. */
  readonly name: string
  readonly sentinelPorts: readonly number[]
  readonly servers: readonly RedisServer[]
  readonly sentinels: readonly RedisServer[]
  /** The master of this moment, as the sentinels see it. */
  master(): Promise<RedisServer>
  /** Resolves when the sentinels agree on another master than this, and it takes writes. */
  failedOver(from: RedisServer): Promise<RedisServer>
  /** Starts what was killed as a replica of the master; resolves when all replicas are there again. */
  restored(server: RedisServer): Promise<void>
  close(): Promise<void>
}

/** Sentinels that call a master dead after three seconds without an answer: on a busy machine one second is nothing. */
export async function startRedisSentinel(
  replicaCount = 1,
  settings: RedisSettings = {},
): Promise<RedisSentinel> {
  const name = 'coatcheck'
  const ports = await freePorts(4 + replicaCount)
  const [masterPort = 0, ...rest] = ports
  const sentinelPorts = rest.slice(0, 3)
  const quick = { 'repl-diskless-sync-delay': '0', ...settings }
  const first = await startServer(masterPort, quick, [])
  const replicas = await Promise.all(
    rest
      .slice(3)
      .map((port) => startServer(port, { ...quick, replicaof: `127.0.0.1 ${masterPort}` }, [])),
  )
  const servers = [first, ...replicas]
  await until('replicas are connected', async () => {
    const role = await replicationOf(first)
    return (role.match(/state=online/g) ?? []).length === replicaCount
  })
  const lines = [
    `sentinel monitor ${name} 127.0.0.1 ${masterPort} 2`,
    `sentinel down-after-milliseconds ${name} 3000`,
    `sentinel failover-timeout ${name} 3000`,
    `sentinel parallel-syncs ${name} 1`,
  ]
  const sentinels = await Promise.all(sentinelPorts.map((port) => startServer(port, {}, lines)))
  // A sentinel whose clock or process stood still for two seconds does nothing for thirty (TILT): a busy machine does that.
  await Promise.all(
    sentinels.map((sentinel) => sentinel.cli('SENTINEL', 'DEBUG', 'tilt-period', '500')),
  )
  const masterPortOf = async (): Promise<number> => {
    const [asked] = sentinels
    const answer = await asked?.cli('SENTINEL', 'get-master-addr-by-name', name)
    return Number(answer?.trim().split('\n')[1])
  }
  const master = async (): Promise<RedisServer> => {
    const port = await masterPortOf()
    const server = servers.find((candidate) => candidate.port === port)
    if (server === undefined) throw new Error(`no server at ${port}`)
    return server
  }
  await until('sentinels know each other and the replicas', async () => {
    const states = await Promise.all(
      sentinels.map((sentinel) => sentinel.cli('SENTINEL', 'master', name)),
    )
    return states.every(
      (state) =>
        state.includes('num-other-sentinels\n2') && state.includes(`num-slaves\n${replicaCount}`),
    )
  })
  return {
    name,
    sentinelPorts,
    servers,
    sentinels,
    master,
    failedOver: async (from) => {
      await until('another master is there', async () => {
        const now = await master()
        return now !== from && (await now.cli('ROLE')).startsWith('master')
      })
      return master()
    },
    restored: async (server) => {
      await server.start()
      await until('replicas are connected again', async () => {
        const now = await master()
        // Sentinels would do it as well, after ten seconds in which there are two masters.
        if (now !== server && (await server.cli('ROLE')).startsWith('master')) {
          await server.cli('REPLICAOF', '127.0.0.1', String(now.port))
        }
        const role = await replicationOf(now)
        return (role.match(/state=online/g) ?? []).length === replicaCount
      })
    },
    close: async () => {
      await Promise.all([...sentinels, ...servers].map((server) => server.close()))
    },
  }
}
