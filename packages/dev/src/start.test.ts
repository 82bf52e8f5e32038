import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startLoopbackServer } from './loopback-server.ts'

const START = fileURLToPath(new URL('../dist/start.js', import.meta.url))

let folder: string
let port: number
const children: ChildProcess[] = []

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'coatcheck-start-'))
  const probe = await startLoopbackServer({ name: 'probe' }, () => () => {})
  await probe.close()
  port = Number(new URL(probe.origin).port)
})
afterEach(async () => {
  for (const child of children.splice(0)) await stop(child, 'SIGKILL')
  rmSync(folder, { recursive: true })
})

interface Started {
  readonly child: ChildProcess
  readonly ready: { origin: string; provider: string; api: string; users: unknown[] } | undefined
  readonly stdout: string
  readonly stderr: string
  readonly code: number | null
}

/** Runs until the ready line or the end, whichever comes first. */
function run(
  flags: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Started> {
  const child = spawn(process.execPath, [START, '--data', folder, ...flags], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  })
  children.push(child)
  let stdout = ''
  let stderr = ''
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  return new Promise((resolve) => {
    child.once('close', (code) => resolve({ child, ready: undefined, stdout, stderr, code }))
    createInterface({ input: child.stdout }).on('line', (line) => {
      stdout += `${line}\n`
      if (!line.startsWith('ready: ')) return
      const ready = JSON.parse(line.slice('ready: '.length))
      resolve({ child, ready, stdout, stderr, code: null })
    })
  })
}

async function stop(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
  const exited = once(child, 'exit')
  child.kill(signal)
  const [code] = await exited
  return code
}

describe('npm start', () => {
  it('says where to go and who can sign in, keeps its ports, and stops on SIGTERM', async () => {
    const first = await run(['--port', String(port)])
    expect(first.ready?.origin).toBe(`http://localhost:${port}`)
    expect(first.stdout).toContain(`Open http://localhost:${port} and sign in:`)
    expect(first.stdout).toMatch(/ada +engine-1843\n +grace +compiler-1952/)
    expect(first.stdout.trimEnd().split('\n').at(-1)).toMatch(/^ready: \{/)
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(421)
    expect((await fetch(`http://localhost:${port}/auth/health`)).status).toBe(200)
    expect(await stop(first.child, 'SIGTERM')).toBe(0)
    const second = await run([], { PORT: String(port) })
    expect(second.ready).toEqual(first.ready)
  })

  it('takes the signals of one Ctrl+C as one wish to stop', async () => {
    const { child } = await run(['--port', String(port)])
    const exited = once(child, 'exit')
    for (let count = 0; count < 3; count += 1) child.kill('SIGINT')
    expect(await exited).toEqual([0, null])
  })

  it('says in one line that its port is taken, on either loopback address', async () => {
    for (const host of ['127.0.0.1', '::1']) {
      const other = createServer().listen({ host, port, ipv6Only: host === '::1' })
      await once(other, 'listening')
      const { code, stderr, stdout } = await run(['--port', String(port)])
      expect(stderr).toBe(`Port ${port} is taken: free it or choose another with --port N.\n`)
      expect([code, stdout]).toEqual([1, ''])
      other.close()
      await once(other, 'close')
    }
  })

  it('says in one line that its folder is in use', async () => {
    await run(['--port', String(port)])
    const { code, stderr } = await run(['--port', String(port)])
    expect(stderr).toMatch(/^[^\n]+ is in use by another start: [^\n]+\n$/)
    expect(code).toBe(1)
  })

  it.each([['--port', '0'], ['--port', '70000'], ['--port', 'x'], ['--nonsense']])(
    'refuses %s %s',
    async (...flags) => {
      const { code, stderr } = await run(flags)
      expect(code).toBe(1)
      expect(stderr).toMatch(/^error: /)
    },
  )

  it('starts again after kill -9', async () => {
    const first = await run(['--port', String(port)])
    await stop(first.child, 'SIGKILL')
    expect((await run(['--port', String(port)])).ready).toEqual(first.ready)
  })

  it('serves https with --https', async () => {
    const { ready } = await run(['--port', String(port), '--https'])
    expect(ready).toMatchObject({ origin: `https://localhost:${port}` })
    expect(ready).toHaveProperty('spkiSha256', expect.stringMatching(/^[\w+/]{43}=$/))
    await expect(fetch(`https://localhost:${port}/auth/health`)).rejects.toThrow()
  })
})
