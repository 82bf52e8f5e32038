import { type ChildProcess, execFile, spawn } from 'node:child_process'
import {
  accessSync,
  constants,
  createWriteStream,
  mkdtempSync,
  readFileSync,
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

/** What servers and sentinels wrote of late: why a failover took long is told nowhere else. */
export function logsOf(servers: readonly RedisServer[]): string {
  return servers
    .map(({ port, folder }) => {
      const lines = readFileSync(join(folder, 'redis.log'), 'utf8').trimEnd().split('\n')
      return `== ${port}\n${lines.slice(-40).join('\n')}`
    })
    .join('\n')
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

/** `INFO replication`. */
export function replicationOf(server: RedisServer): Promise<string> {
  return server.cli('INFO', 'replication')
}

/** A server or, with lines of its configuration, a sentinel. */
export async function startServer(
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
      if (child !== started)
        throw new Error(
          `redis-server ended at once: ${readFileSync(join(folder, 'redis.log'), 'utf8')}`,
        )
      const info = await cli('INFO', 'server').catch(() => '')
      return info.includes(`process_id:${started.pid}\r`)
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

/** Asks until it is true, for half a minute. */
export async function until(
  what: string | (() => string),
  isTrue: () => Promise<boolean>,
): Promise<void> {
  const deadline = Date.now() + DEADLINE_MS
  while (!(await isTrue())) {
    if (Date.now() > deadline) {
      throw new Error(`it took too long until ${typeof what === 'string' ? what : what()}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** Ports that nobody else of these tests takes. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const ports = new Set<number>()
  while (ports.size < count) ports.add(await freePort())
  return [...ports]
}

// A node of a Cluster takes a second port 10000 above its own; and ports that the system gives out by itself
// may be taken by a client's connection before the server starts. Each process has a hundred ports of its own: what is free
// now may be another's a moment later.
const PORTS = 100
const FIRST_PORT = 11_000 + (process.pid % 100) * PORTS
let nextPort = 0

async function freePort(): Promise<number> {
  for (let tries = 0; tries < PORTS; tries += 1) {
    const port = FIRST_PORT + (nextPort % PORTS)
    nextPort += 1
    if ((await isFree(port)) && (await isFree(port + 10_000))) return port
  }
  throw new Error(`no port is free from ${FIRST_PORT} on`)
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
