import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const START = fileURLToPath(new URL('../../packages/dev/dist/start.js', import.meta.url))
const READY_WITHIN_MS = 30_000

/** What the ready line says. */
export interface Ready {
  readonly origin: string
  readonly provider: string
  readonly api: string
  /** With --https: what Chromium takes for this certificate. */
  readonly spkiSha256?: string
  readonly users: readonly { readonly username: string; readonly password: string }[]
}

/** The whole set-up as a process of its own, as `npm start` runs it. */
export interface DevProcess extends Ready {
  readonly data: string
  readonly pid: number
  readonly output: () => string
  stop(signal?: NodeJS.Signals): Promise<void>
}

/** A folder that is removed by `remove`. */
export function temporaryFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'coatcheck-test-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

/**
 * A port that was free on both loopback addresses a moment ago. Not one of those that the system gives to outgoing
 * connections: a client could have it while a server that uses it is started again.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 21_000 + Math.floor(Math.random() * 11_700)
    if ((await isFree(port, '127.0.0.1')) && (await isFree(port, '::1'))) return port
  }
}

async function isFree(port: number, host: string): Promise<boolean> {
  const server = createServer()
  try {
    server.listen(port, host)
    await once(server, 'listening')
  } catch (error) {
    // A machine without IPv6 has nobody there.
    return (
      error instanceof Error &&
      'code' in error &&
      /^EA(?:DDRNOTAVAIL|FNOSUPPORT)$/.test(String(error.code))
    )
  }
  server.close()
  await once(server, 'close')
  return true
}

/** Starts the process and waits for its ready line. */
export async function startDevProcess(
  data: string,
  port: number,
  options: readonly string[] = [],
): Promise<DevProcess> {
  const child = spawn(
    process.execPath,
    [START, '--port', String(port), '--data', data, ...options],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  let output = ''
  child.stderr.on('data', (chunk: Buffer) => {
    output += chunk
  })
  const ready = await new Promise<Ready>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`not ready:\n${output}`)), READY_WITHIN_MS)
    child.once('exit', (code) => reject(new Error(`exited with ${code}:\n${output}`)))
    createInterface({ input: child.stdout }).on('line', (line) => {
      output += `${line}\n`
      if (!line.startsWith('ready: ')) return
      clearTimeout(timer)
      resolve(JSON.parse(line.slice('ready: '.length)))
    })
  }).catch((error: unknown) => {
    child.kill('SIGKILL')
    throw error
  })
  return {
    ...ready,
    data,
    pid: child.pid ?? 0,
    output: () => output,
    stop: (signal = 'SIGTERM') => stop(child, signal),
  }
}

async function stop(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill(signal)
  await exited
}
