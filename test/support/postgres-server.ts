import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { freePort } from './dev-process.ts'
import './exit-on-signal.ts'

/** What {@link startPostgres} takes. */
export interface PostgresOptions {
  /** Lines of postgresql.conf, such as `max_connections`; they win over the defaults of this file. */
  readonly settings?: Readonly<Record<string, string | number>>
  /** Wait for the disk at each commit, as a server in production does. Default: false. */
  readonly durable?: boolean
}

/** A PostgreSQL server on loopback, in a folder of its own. */
export interface PostgresServer {
  readonly port: number
  /** The superuser, who needs no password on loopback. */
  readonly user: string
  /** `postgres://USER@127.0.0.1:PORT/postgres`. */
  readonly url: string
  /** What the server wrote to its log so far. */
  log(): string
  /** Starts it again on the same port; resolves when it answers. */
  start(): Promise<void>
  /** SIGINT (default) ends connections and writes everything down; SIGKILL is a crash. */
  stop(signal?: 'SIGINT' | 'SIGTERM' | 'SIGKILL'): Promise<void>
  restart(signal?: 'SIGINT' | 'SIGTERM' | 'SIGKILL'): Promise<void>
  /** What `pg_dump` of a database says. Default: `postgres`. */
  dump(database?: string): Promise<string>
  /** What `psql` prints for one statement, without headers. */
  psql(sql: string, database?: string): Promise<string>
  /** Ends the server and removes its folder. */
  close(): Promise<void>
}

const USER = 'postgres'
const PROGRAMS: readonly string[] = ['initdb', 'postgres', 'psql', 'pg_dump']
const READY_WITHIN_MS = 30_000

/**
 * Makes and starts a server. As root it runs as the system's user `postgres`, for it refuses to run as root.
 *
 * @example
 * const server = await startPostgres()
 * const pool = new pg.Pool({ connectionString: server.url })
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const tools = findTools()
  const identity = identityOfServer()
  const folder = mkdtempSync(join(tmpdir(), 'coatcheck-postgres-'))
  chmodSync(folder, 0o700)
  if (identity !== undefined) chownSync(folder, identity.uid, identity.gid)
  const data = join(folder, 'data')
  const initdb = spawnSync(
    join(tools, 'initdb'),
    ['-D', data, '-U', USER, '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'],
    { ...identity, cwd: folder, encoding: 'utf8' },
  )
  if (initdb.status !== 0) throw new Error(`initdb failed:\n${initdb.stdout}${initdb.stderr}`)
  const port = await freePort()
  const url = `postgres://${USER}@127.0.0.1:${port}/postgres`
  const settings = {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: '',
    ...(options.durable ? {} : { fsync: 'off', full_page_writes: 'off' }),
    ...options.settings,
  }
  let server: ChildProcess | undefined
  let log = ''

  async function start(): Promise<void> {
    const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    const started = spawn(join(tools, 'postgres'), ['-D', data, ...flags], {
      ...identity,
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    server = started
    for (const stream of [started.stdout, started.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        log += chunk
      })
    }
    const until = Date.now() + READY_WITHIN_MS
    while (!(await answers(port))) {
      if (started.exitCode !== null || Date.now() > until) {
        throw new Error(`PostgreSQL did not start:\n${log}`)
      }
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  async function stop(signal: 'SIGINT' | 'SIGTERM' | 'SIGKILL' = 'SIGINT'): Promise<void> {
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return
    const exited = once(server, 'exit')
    // A crash takes its children along; what is left of shared memory is cleaned up by the next start.
    const children = signal === 'SIGKILL' ? childrenOf(server.pid ?? 0) : []
    server.kill(signal)
    for (const child of children) killQuietly(child)
    await exited
  }

  function client(tool: string, parameters: readonly string[]): Promise<string> {
    return new Promise((resolve, reject) => {
      const all = ['-h', '127.0.0.1', '-p', String(port), '-U', USER, ...parameters]
      execFile(join(tools, tool), all, { cwd: tmpdir(), maxBuffer: 1 << 30 }, (error, stdout) => {
        if (error === null) resolve(stdout)
        else reject(error)
      })
    })
  }

  async function close(): Promise<void> {
    await stop()
    process.removeListener('exit', killAtExit)
    rmSync(folder, { recursive: true, force: true })
  }

  // A test run that is broken off must not leave a server behind.
  function killAtExit(): void {
    server?.kill('SIGINT')
  }

  process.once('exit', killAtExit)
  try {
    await start()
  } catch (error) {
    await close()
    throw error
  }
  return {
    port,
    user: USER,
    url,
    log: () => log,
    start,
    stop,
    restart: async (signal) => {
      await stop(signal)
      await start()
    },
    dump: (database = 'postgres') => client('pg_dump', [database]),
    psql: (sql, database = 'postgres') => client('psql', ['-X', '-A', '-t', '-c', sql, database]),
    close,
  }
}

/** The folder of the newest PostgreSQL's programs: of the PATH, or Debian's; `undefined` for none. */
export function postgresTools(): string | undefined {
  const debian = '/usr/lib/postgresql'
  const versions = existsSync(debian) ? readdirSync(debian) : []
  const places = [
    ...(process.env.PATH ?? '').split(delimiter),
    ...versions
      .toSorted((one, other) => Number(other) - Number(one))
      .map((version) => join(debian, version, 'bin')),
  ]
  return places.find((place) => PROGRAMS.every((program) => existsSync(join(place, program))))
}

function findTools(): string {
  const tools = postgresTools()
  if (tools === undefined) throw new Error('No PostgreSQL was found: install its server.')
  return tools
}

function identityOfServer(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${USER}:`))
  const [, , uid, gid] = (line ?? '').split(':').map(Number)
  if (uid === undefined || gid === undefined) throw new Error(`There is no user ${USER}.`)
  return { uid, gid }
}

// The first bytes of a connection: a server that is still starting or recovering answers with an error.
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port })
    const end = (answer: boolean): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.setTimeout(2000, () => end(false))
    socket.once('error', () => end(false))
    socket.once('close', () => end(false))
    socket.once('data', (chunk) => end(chunk[0] === 'R'.charCodeAt(0)))
    socket.once('connect', () => socket.write(startupMessage()))
  })
}

function startupMessage(): Buffer {
  const body = Buffer.from(`\0\u0003\0\0user\0${USER}\0database\0postgres\0\0`, 'latin1')
  const length = Buffer.alloc(4)
  length.writeUInt32BE(body.length + 4)
  return Buffer.concat([length, body])
}

function childrenOf(pid: number): readonly number[] {
  const { stdout } = spawnSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' })
  return (stdout ?? '').split('\n').map(Number).filter(Boolean)
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It went with its parent.
  }
}
