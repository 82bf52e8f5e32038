// @ts-check
// Several gateways of one origin, each in a process and on a port of its own.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { writeNewRing } from '@coatcheck/gateway'
import { freePort } from '../../test/support/dev-process.ts'

const COMMAND = fileURLToPath(new URL('../../packages/gateway/dist/coatcheck.js', import.meta.url))

/**
 * @typedef {{ msg: string, session?: string, reason?: string, why?: string }} LogLine
 * @typedef {{ ports: number[], kill(index: number): Promise<void>, close(): Promise<void> }} Gateways
 */

/**
 * @param {{ folder: string, origin: string, provider: import('@coatcheck/dev').DevProvider, apiPort: number, sessions: object, count: number, onLine: (line: LogLine) => void }} options
 * @returns {Promise<Gateways>}
 */
export async function startGateways({
  folder,
  origin,
  provider,
  apiPort,
  sessions,
  count,
  onLine,
}) {
  writeFileSync(join(folder, 'secret'), provider.clientSecret, { mode: 0o600 })
  writeNewRing(join(folder, 'ring.json'))
  /** @type {number[]} */
  const ports = []
  for (let index = 0; index < count; index += 1) ports.push(await freePort())
  const files = ports.map((port, index) => {
    const config = {
      origin,
      listen: { port },
      provider: {
        issuer: provider.issuer,
        clientId: provider.clientId,
        clientSecretFile: 'secret',
        // Its access tokens say themselves when they end, to the second.
        audience: provider.apiAudience,
      },
      ring: { file: 'ring.json' },
      sessions,
      apis: [{ path: '/api/', upstream: `http://127.0.0.1:${apiPort}/` }],
      log: { level: 'debug' },
      unsafe: ['insecure-http'],
    }
    const file = join(folder, `gateway-${index}.json`)
    writeFileSync(file, JSON.stringify(config))
    return file
  })
  const children = await Promise.all(files.map((file) => startOne(file, onLine)))
  return {
    ports,
    kill: async (index) => {
      const child = children[index]
      child?.kill('SIGKILL')
      if (child?.exitCode === null && child.signalCode === null) await once(child, 'exit')
      children[index] = await startOne(files[index] ?? '', onLine)
    },
    close: async () => {
      for (const child of children) child.kill('SIGKILL')
    },
  }
}

/**
 * @param {string} file
 * @param {(line: LogLine) => void} onLine
 */
async function startOne(file, onLine) {
  const child = spawn(process.execPath, [COMMAND, 'serve', file], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (line.startsWith('{')) onLine(JSON.parse(line))
  })
  const lines = createInterface({ input: child.stdout })
  await new Promise((resolve, reject) => {
    lines.on('line', (line) => line.startsWith('ready: ') && resolve(undefined))
    child.on('exit', () => reject(new Error('a gateway did not start')))
  })
  return child
}
