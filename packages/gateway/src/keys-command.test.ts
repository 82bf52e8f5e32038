import { spawnSync } from 'node:child_process'
import {
  chownSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { addKey, generateKeyRing, type KeyRingFile, promoteKey } from 'coatcheck/ring'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const COMMAND = fileURLToPath(new URL('../dist/coatcheck.js', import.meta.url))
const HOUR = 3_600_000

let folder: string
let told: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'coatcheck-keys-'))
  told = ''
})
afterEach(() => rmSync(folder, { recursive: true }))

function keys(...given: readonly string[]): { status: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [COMMAND, 'keys', ...given], {
    cwd: folder,
    encoding: 'utf8',
    timeout: 20_000,
  })
  told += stdout + stderr
  return { status, out: stdout, err: stderr }
}

function ring(): KeyRingFile {
  return JSON.parse(readFileSync(join(folder, 'ring.json'), 'utf8'))
}

function write(name: string, content: object): void {
  writeFileSync(join(folder, name), JSON.stringify(content), { mode: 0o600 })
}

/** A ring whose second key was promoted so many hours ago. */
function rotatedHoursAgo(hours: number): KeyRingFile {
  const clock = (): number => Date.now() - hours * HOUR
  const file = generateKeyRing({ clock: () => clock() - HOUR })
  return promoteKey(addKey(file, { clock }), { clock, reloadSeconds: 0 })
}

function configure(sessions: object): void {
  write('coatcheck.json', {
    origin: 'https://app.example',
    provider: { issuer: 'https://idp.invalid', clientId: 'app', clientSecretEnv: 'CLIENT_SECRET' },
    ring: { file: 'ring.json' },
    sessions,
  })
}

describe('coatcheck keys', () => {
  it('T-OPS-04 rotates in two steps, with a minute in between, and shows no key', () => {
    expect(keys('new', 'ring.json').status).toBe(0)
    const [first] = ring().keys
    expect(keys('rotate', 'ring.json').out).toContain('seals nothing yet')
    const early = keys('rotate', 'ring.json')
    expect(early).toMatchObject({ status: 1, out: '' })
    expect(early.err).toContain('may seal from')
    const waiting = ring()
    const createdAt = new Date(Date.now() - 61_000).toISOString()
    write('ring.json', {
      ...waiting,
      keys: waiting.keys.map((key) => ({ ...key, createdAt })),
    })
    expect(keys('rotate', 'ring.json').out).toContain('seals from now on')
    expect(ring().keys.map(({ id, state }) => [id === first?.id, state])).toEqual([
      [true, 'opening'],
      [false, 'active'],
    ])
    keys('rotate', 'ring.json')
    expect(keys('rotate', 'ring.json', '--now').status).toBe(0)
    expect(keys('list', 'ring.json').out.match(/only opens/g)).toHaveLength(2)
    const listed = JSON.parse(keys('list', 'ring.json', '--json').out)
    expect(listed.map(({ role }: { role: string }) => role)).toEqual([
      'former',
      'former',
      'sealing',
    ])
    for (const { secret } of ring().keys) expect(told).not.toContain(secret)
    expect(told).not.toMatch(/\n\s+at /)
  })

  it('T-OPS-04 retires a key when no session can lie under it, however long they live', () => {
    write('ring.json', rotatedHoursAgo(13))
    const [old] = ring().keys
    const retire = (...more: readonly string[]) =>
      keys('retire', 'ring.json', old?.id ?? '', ...more)
    expect(retire().err).toContain('--absolute-seconds')
    configure({ absoluteSeconds: 43_200, remembered: {} })
    const early = retire('--config', 'coatcheck.json')
    expect(early).toMatchObject({ status: 1, out: '' })
    expect(early.err).toMatch(/is needed until .*\n\nWhat began before .*sign in again/s)
    expect(retire('--absolute-seconds', '46900').status).toBe(1)
    expect(ring().keys).toHaveLength(2)
    configure({})
    expect(keys('list', 'ring.json', '--config', 'coatcheck.json').out).toContain('may go from')
    expect(retire('--config', 'coatcheck.json').out).toContain('nobody is signed out')
    expect(ring().keys.map(({ state }) => state)).toEqual(['active'])
  })

  it('T-OPS-04 takes a key away by force, says whom that ends, and never the one that seals', () => {
    write('ring.json', rotatedHoursAgo(1))
    const [old, current] = ring().keys
    expect(keys('retire', 'ring.json', current?.id ?? '', '--force').status).toBe(1)
    expect(keys('retire', 'ring.json', 'AAAAAAAA', '--force').err).toContain('no key of this id')
    expect(ring().keys).toHaveLength(2)
    const forced = keys('retire', 'ring.json', old?.id ?? '', '--force')
    expect(forced.out).toMatch(/Signed out, .*who signed in before/)
    expect(ring().keys.map(({ id }) => id)).toEqual([current?.id])
  })

  it('T-OPS-04 writes in one step, for the owner alone, and through links', () => {
    keys('new', 'real.json')
    symlinkSync('real.json', join(folder, 'ring.json'))
    const before = statSync(join(folder, 'real.json')).ino
    if (process.getuid?.() === 0) chownSync(join(folder, 'real.json'), 4242, 4242)
    expect(keys('rotate', 'ring.json').status).toBe(0)
    const after = statSync(join(folder, 'real.json'))
    expect(lstatSync(join(folder, 'ring.json')).isSymbolicLink()).toBe(true)
    expect(after.ino).not.toBe(before)
    expect(after.mode & 0o777).toBe(0o600)
    if (process.getuid?.() === 0) expect([after.uid, after.gid]).toEqual([4242, 4242])
    expect(readdirSync(folder).toSorted()).toEqual(['real.json', 'ring.json'])
  })

  it('refuses a second command at the same time, and leaves nothing behind when it fails', () => {
    keys('new', 'ring.json')
    const before = readFileSync(join(folder, 'ring.json'), 'utf8')
    writeFileSync(join(folder, 'ring.json.new'), '')
    expect(keys('rotate', 'ring.json').err).toContain('another command')
    rmSync(join(folder, 'ring.json.new'))
    keys('retire', 'ring.json', 'AAAAAAAA')
    expect(readdirSync(folder)).toEqual(['ring.json'])
    expect(readFileSync(join(folder, 'ring.json'), 'utf8')).toBe(before)
    expect(keys('rotate', 'nowhere.json').err).toContain('cannot be read')
    expect(keys('retire', '--help').out).toContain('--force')
  })
})
