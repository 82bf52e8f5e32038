import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ConfigError } from './config.ts'
import { readConfigFile } from './config-file.ts'
import { checkGateway } from './gateway.ts'
import { writeNewRing } from './ring-writing.ts'

let folder: string
const at = (name: string): string => join(folder, name)

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'coatcheck-config-'))
  writeNewRing(at('ring.json'))
  writeFileSync(at('secret'), 'a-secret-of-enough-length\n', { mode: 0o600 })
})
afterEach(() => rmSync(folder, { recursive: true }))

const GOOD = `
origin: https://app.example
provider:
  issuer: https://idp.example
  clientId: app
  clientSecretFile: secret
ring: { file: ring.json }
`

function write(text: string, name = 'coatcheck.yaml'): string {
  writeFileSync(at(name), text)
  return at(name)
}

function faultsOf(work: () => unknown): string {
  try {
    work()
    return ''
  } catch (error) {
    if (error instanceof Error && /^(?:ConfigError|CoatcheckError)$/.test(error.name))
      return error.message
    throw error
  }
}

describe('a configuration file', () => {
  it('is YAML or JSON, with files relative to it', () => {
    const yaml = readConfigFile(write(GOOD))
    expect(yaml.ring.file).toBe(at('ring.json'))
    expect(yaml.provider.clientSecretFile).toBe(at('secret'))
    expect(readConfigFile(write(JSON.stringify(yaml), 'coatcheck.json'))).toEqual(yaml)
    expect(faultsOf(() => checkGateway(yaml))).toBe('')
  })

  it('tells all faults at once, each with its path; unknown keys are faults', () => {
    const text = faultsOf(() =>
      readConfigFile(
        write(`
origin: nonsense
orgin: https://app.example
provider: { issuer: x, clientId: '', secret: hunter2 }
ring: {}
sessions: { idleSeconds: -1, store: { kind: etcd } }
pages: { protected: [account] }
apis: [{ path: api, upstreem: x }]
trustedProxyHops: 1.5
cookie: { sameSite: sometimes }
unsafe: [everything]
`),
      ),
    )
    for (const path of [
      'origin',
      'orgin',
      'provider.issuer',
      'provider.clientId',
      'secret',
      'ring.file',
      'sessions.idleSeconds',
      'sessions.store.kind',
      'pages.protected.0',
      'apis.0.path',
      'apis.0.upstream',
      'upstreem',
      'trustedProxyHops',
      'cookie.sameSite',
      'unsafe.0',
    ]) {
      expect(text, path).toContain(path)
    }
    expect(text).not.toContain('hunter2')
  })

  it('has faults of YAML told with their line, and no stack', () => {
    for (const [text, part] of [
      ['origin: [', 'line'],
      ['origin: a\norigin: b', 'unique'],
      ['', 'the file'],
      ['just words', 'the file'],
      ['origin: *nowhere', 'alias'],
      [`a: &a [1]\nb: &b [${'*a,'.repeat(100)}]\nc: [${'*b,'.repeat(100)}]`, 'aliases'],
    ] as const) {
      expect(faultsOf(() => readConfigFile(write(text))).toLowerCase(), text).toContain(part)
    }
    expect(faultsOf(() => readConfigFile(at('nothing.yaml')))).toContain('cannot be read')
  })

  it('T-OPS-03 names one secret, from a file or the environment, never in itself', () => {
    const both = GOOD.replace(
      'clientSecretFile: secret',
      'clientSecretFile: secret\n  clientSecretEnv: X',
    )
    expect(faultsOf(() => readConfigFile(write(both)))).toContain('provider')
    const none = GOOD.replace('  clientSecretFile: secret\n', '')
    expect(faultsOf(() => readConfigFile(write(none)))).toContain('clientSecretFile')
  })
})

describe('what serve --check finds', () => {
  const check = (text: string): string => faultsOf(() => checkGateway(readConfigFile(write(text))))

  it('T-OPS-03 refuses secrets, ring and key that others can read, all at once', () => {
    writeFileSync(at('tls.pem'), 'x', { mode: 0o644 })
    for (const mode of [0o640, 0o604, 0o620]) {
      chmodSync(at('secret'), mode)
      chmodSync(at('ring.json'), mode)
      const tls = 'listen: { tls: { keyFile: tls.pem, certificateFile: tls.pem } }\n'
      const text = check(GOOD + tls)
      for (const name of ['secret', 'ring.json', 'tls.pem']) {
        expect(text).toContain(`chmod 600 ${at(name)}`)
      }
    }
  })

  it('T-OPS-03 refuses a weak or broken ring, an empty secret and a key that is none', () => {
    const weak = { id: 'a', secret: Buffer.alloc(32).toString('base64url'), state: 'active' }
    for (const ring of ['{', '[]', 'null', '{}', JSON.stringify({ version: 1, keys: [weak] })]) {
      writeFileSync(at('ring.json'), ring)
      expect(check(GOOD), ring).not.toBe('')
    }
    writeFileSync(at('secret'), ' \n')
    expect(check(GOOD)).toContain(`${at('secret')} is empty`)
    writeFileSync(at('tls.pem'), 'no PEM', { mode: 0o600 })
    const tls = 'listen: { tls: { keyFile: tls.pem, certificateFile: tls.pem } }\n'
    expect(check(GOOD + tls)).toContain('listen.tls')
    expect(
      check(GOOD.replace('clientSecretFile: secret', 'clientSecretEnv: NOT_SET_ANYWHERE')),
    ).toContain('NOT_SET_ANYWHERE')
  })

  it('refuses what only looks right: origin with a path, http, patterns that match nothing, no folder', () => {
    for (const [change, part] of [
      [GOOD.replace('app.example', 'app.example/path'), 'origin'],
      [GOOD.replace('https://app', 'http://app'), 'https'],
      [`${GOOD}pages: { protected: ['/account/**'] }\n`, 'pages.protected[0]'],
      [`${GOOD}pages: { directory: nowhere }\n`, 'pages.directory'],
      [`${GOOD}cookie: { domain: other.example }\n`, 'cookie.domain'],
      [`${GOOD}cookie: { lifetime: { maxAgeSeconds: 86400 } }\n`, 'sessions.absoluteSeconds'],
      [`${GOOD}signOut: { returnTo: //evil.test }\n`, 'signOut.returnTo'],
      [`${GOOD}apis: [{ path: /auth/, upstream: 'https://api.example/' }]\n`, 'apis[0].path'],
      [`${GOOD}apis: [{ path: /api/, upstream: 'http://api.example/' }]\n`, 'apis[0].upstream'],
      [
        `${GOOD}apis: [{ path: /api/, upstream: 'https://user:hunter2@api.example/' }]\n`,
        'not shown',
      ],
    ] as const) {
      expect(check(change), part).toContain(part)
      expect(check(change)).not.toContain('hunter2')
    }
  })
})

describe('where sessions are', () => {
  const check = (store: string): string =>
    faultsOf(() =>
      checkGateway(readConfigFile(write(`${GOOD}sessions: { store: { ${store} } }\n`))),
    )

  it('takes memory, a file, Redis in three forms and PostgreSQL', () => {
    for (const store of [
      'kind: memory',
      'kind: sqlite, file: sessions.sqlite',
      'kind: redis, url: "redis://127.0.0.1:6379/2", prefix: "app:"',
      'kind: redis, url: "rediss://[::1]:6379", cluster: true, nodes: ["[::1]:6380", "b.example:6379"]',
      'kind: redis, url: "redis://sentinel.example:26379", sentinel: { masterName: main }',
      'kind: postgres, url: "postgres://app@db.example/app", schema: tickets, maxConnections: 4',
    ]) {
      expect(check(store), store).toBe('')
    }
  })

  it('T-OPS-03 takes an address with a password from a file for its owner alone, or the environment', () => {
    expect(check('kind: redis, url: "redis://app:hunter2@127.0.0.1"')).toContain(
      'urlFile or urlEnv',
    )
    writeFileSync(at('url'), 'redis://app:hunter2@127.0.0.1\n', { mode: 0o600 })
    expect(check('kind: redis, urlFile: url')).toBe('')
    chmodSync(at('url'), 0o644)
    expect(check('kind: redis, urlFile: url')).toContain(`chmod 600 ${at('url')}`)
    expect(check('kind: postgres, urlEnv: NOT_SET_ANYWHERE')).toContain('NOT_SET_ANYWHERE')
  })

  it('says what is wrong, and shows no address', () => {
    for (const [store, part] of [
      ['kind: redis', 'one of the three'],
      ['kind: redis, url: "redis://a", urlEnv: B', 'one of the three'],
      ['kind: redis, url: "redis://a", cluster: true, sentinel: { masterName: m }', 'not both'],
      ['kind: redis, url: "http://user:hunter2@a.example"', 'not shown'],
      ['kind: redis, url: "hunter2"', 'not shown'],
      ['kind: redis, url: "redis:hunter2"', 'not shown'],
      ['kind: redis, url: "redis://a", nodes: [b]', 'host:port'],
      ['kind: redis, url: "redis://a", nodes: ["app:x@b:1"]', 'host:port'],
      ['kind: postgres, url: "redis://a"', 'postgres://'],
      ['kind: postgres, url: "postgres://a", maxConnections: 1', 'maxConnections'],
      ['kind: postgres, url: "postgres://a", prefix: x', 'prefix'],
      ['kind: sqlite, file: nowhere/sessions.sqlite', 'its folder'],
    ] as const) {
      expect(check(store), store).toContain(part)
      expect(check(store)).not.toContain('hunter2')
    }
  })
})

describe('coatcheck keys', () => {
  it('makes a file for its owner alone, whatever the umask, and never overwrites one', () => {
    const former = process.umask(0)
    try {
      writeNewRing(at('new.json'))
    } finally {
      process.umask(former)
    }
    expect(statSync(at('new.json')).mode & 0o777).toBe(0o600)
    expect(() => writeNewRing(at('new.json'))).toThrow(ConfigError)
    expect(faultsOf(() => writeNewRing(at('new.json')))).toContain('is there already')
    expect(faultsOf(() => writeNewRing(at('no/such/folder.json')))).toContain('cannot be written')
  })
})
