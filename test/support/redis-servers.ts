import { type ChildProcess, execFile, spawn } from 'node:child_process'
import {
  accessSync,
  constants,
  createWriteStream,
  mkdtempSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import './exit-on-signal.ts'

/** One server process on loopback, with a temporary folder of its own. */
export interface RedisServer {
  readonly port: number
  /** `redis://127.0.0.1:PORT`. */
  readonly url: string
  /** Where its files are: `redis.log`, and `dump.rdb` after a `SAVE`. */
  readonly folder: string
  readonly pid: number | undefined
  /** What `redis-cli` prints; rejects for an error. */
  cli(...command: readonly string[]): Promise<string>
  /** Ends the process at once, as a power cut would. Everything in memory is gone. */
  kill(): Promise<void>
  /** Stops the process where it stands (it answers nothing, connections stay open), and lets it go on. */
  pause(): void
  resume(): void
  /** Starts it again on the same port; resolves when it answers. */
  start(): Promise<void>
  /** Ends the process and removes the folder. */
  close(): Promise<void>
}

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

/** Further lines of configuration: `{ maxmemory: '10mb' }`. */
export type RedisSettings = Readonly<Record<string, string>>

const DEADLINE_MS = 30_000

// In memory where there is such a place: a sentinel writes its configuration through to the disk at each step, and one that
// a busy disk has held up for two seconds does nothing for thirty more.
const SHARED_MEMORY = '/dev/shm'
const FOLDERS = isWritable(SHARED_MEMORY) ? SHARED_MEMORY : tmpdir()

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK)
    return true
  } catch {
    return false
  }
}

// Whoever forgets to close, or is ended in between, leaves no server behind.
const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** A server without persistence. */
export async function startRedis(settings: RedisSettings = {}): Promise<RedisServer> {
  return startServer(await freePort(), settings, [])
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

/** Sentinels that call a master dead after a second without an answer. */
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
    `sentinel down-after-milliseconds ${name} 1000`,
    `sentinel failover-timeout ${name} 5000`,
    `sentinel parallel-syncs ${name} 1`,
  ]
  const sentinels = await Promise.all(sentinelPorts.map((port) => startServer(port, {}, lines)))
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
      const now = await master()
      // Sentinels would do it as well, after ten seconds in which there are two masters.
      await server.cli('REPLICAOF', '127.0.0.1', String(now.port))
      await until('replicas are connected again', async () => {
        const role = await replicationOf(now)
        return (role.match(/state=online/g) ?? []).length === replicaCount
      })
    },
    close: async () => {
      await Promise.all([...sentinels, ...servers].map((server) => server.close()))
    },
  }
}

/** Resolves when all replicas of a master have what it had when this was asked. */
export async function replicated(master: RedisServer): Promise<void> {
  // Sentinels publish to a master all the time: an offset that stands still would be a matter of luck.
  const goal = Number(/master_repl_offset:(\d+)/.exec(await replicationOf(master))?.[1])
  let state = ''
  const told = () => `the replicas have it all (${goal} bytes), but: ${state}`
  await until(told, async () => {
    state = await replicationOf(master)
    const offsets = [...state.matchAll(/^slave\d+:.*offset=(\d+)/gm)].map(([, offset]) => offset)
    return offsets.length > 0 && offsets.every((offset) => Number(offset) >= goal)
  })
}

function replicationOf(server: RedisServer): Promise<string> {
  return server.cli('INFO', 'replication')
}

async function startServer(
  port: number,
  settings: RedisSettings,
  sentinelLines: readonly string[],
): Promise<RedisServer> {
  const folder = mkdtempSync(join(FOLDERS, 'coatcheck-redis-'))
  const isSentinel = sentinelLines.length > 0
  const file = join(folder, 'redis.conf')
  const base = isSentinel ? {} : { save: '""', appendonly: 'no' }
  const all = { port: String(port), bind: '127.0.0.1', dir: folder, ...base, ...settings }
  const lines = Object.entries(all).map(([name, value]) => `${name} ${value}`)
  writeFileSync(file, `${[...lines, ...sentinelLines].join('\n')}\n`)
  let child: ChildProcess | undefined

  const cli = (...command: readonly string[]): Promise<string> =>
    runCli(command[0] === '--cluster' ? command : ['-e', '-p', String(port), ...command])

  async function start(): Promise<void> {
    const log = createWriteStream(join(folder, 'redis.log'), { flags: 'a' })
    const started = spawn('redis-server', [file, ...(isSentinel ? ['--sentinel'] : [])], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    started.stdout.pipe(log)
    started.stderr.pipe(log)
    running.add(started)
    started.once('exit', () => {
      running.delete(started)
      if (child === started) child = undefined
    })
    child = started
    await until(`a server answers at ${port}`, async () => {
      if (child !== started) throw new Error(`redis-server ended at once: see ${folder}/redis.log`)
      return (await cli('PING').catch(() => '')).includes('PONG')
    })
  }

  async function kill(): Promise<void> {
    const ending = child
    if (ending === undefined) return
    const gone = new Promise((resolve) => ending.once('exit', resolve))
    ending.kill('SIGKILL')
    await gone
  }

  await start()
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    folder,
    get pid() {
      return child?.pid
    },
    cli,
    kill,
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    start,
    close: async () => {
      await kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function runCli(command: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(
      'redis-cli',
      [...command],
      { timeout: DEADLINE_MS, maxBuffer: 1 << 26 },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout)
        else reject(new Error(`redis-cli ${command.join(' ')}: ${stdout} ${stderr}`))
      },
    )
  })
}

async function until(what: string | (() => string), isTrue: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + DEADLINE_MS
  while (!(await isTrue())) {
    if (Date.now() > deadline) {
      throw new Error(`it took too long until ${typeof what === 'string' ? what : what()}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function freePorts(count: number): Promise<readonly number[]> {
  const ports = new Set<number>()
  while (ports.size < count) ports.add(await freePort())
  return [...ports]
}

// A node of a Cluster takes a second port 10000 above its own; and ports that the system gives out by itself
// may be taken by a client's connection before the server starts.
async function freePort(): Promise<number> {
  for (;;) {
    const port = 11_000 + Math.floor(Math.random() * 10_000)
    if ((await isFree(port)) && (await isFree(port + 10_000))) return port
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
