import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const COMMAND = fileURLToPath(new URL('../dist/coatcheck.js', import.meta.url))

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'coatcheck-command-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

function run(...given: readonly string[]): { status: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [COMMAND, ...given], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, CLIENT_SECRET: 'a-secret-of-enough-length' },
    timeout: 20_000,
  })
  return { status, out: stdout, err: stderr }
}

function configure(port: number, more: object = {}): void {
  const config = {
    origin: `http://localhost:${port}`,
    provider: { issuer: 'https://idp.invalid', clientId: 'app', clientSecretEnv: 'CLIENT_SECRET' },
    ring: { file: 'ring.json' },
    ...more,
  }
  writeFileSync(join(folder, 'coatcheck.json'), JSON.stringify(config))
}

describe('the command', () => {
  it('makes a ring once, for its owner alone', () => {
    expect(run('keys', 'ring.json').status).toBe(0)
    expect(statSync(join(folder, 'ring.json')).mode & 0o777).toBe(0o600)
    const again = run('keys', 'ring.json')
    expect(again.status).toBe(1)
    expect(again.err).toContain('is there already')
    expect(again.err).not.toMatch(/\n\s+at /)
  })

  it('checks a configuration without starting, and tells every fault', () => {
    run('keys', 'ring.json')
    configure(8080)
    expect(run('serve', '--check', 'coatcheck.json')).toMatchObject({ status: 0 })
    configure(8080, {
      pages: { protected: ['/account*'], directory: '.' },
      signOut: { returnTo: '//x' },
    })
    const faulty = run('serve', '--check', 'coatcheck.json')
    expect(faulty.status).toBe(1)
    expect(faulty.err).toContain('pages.protected[0]')
    expect(faulty.err).toContain('signOut.returnTo')
    expect(faulty.err + faulty.out).not.toContain('a-secret-of-enough-length')
  })

  it('T-OPS-03 says in one line that a port is taken', async () => {
    run('keys', 'ring.json')
    const other = createServer().listen({ host: '::1', port: 0, ipv6Only: true })
    await once(other, 'listening')
    const address = other.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    configure(port)
    const { status, err } = run('serve', 'coatcheck.json')
    other.close()
    expect(status).toBe(1)
    expect(err.split('\n').filter((line) => line.includes(`Port ${port} is taken`))).toHaveLength(1)
    expect(err).not.toMatch(/\n\s+at /)
  })
})
