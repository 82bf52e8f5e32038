import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createClient } from '@redis/client'
import { Cluster, Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type RedisServer, startRedis } from '../../../../../test/support/redis-server.ts'
import { storedSession } from '../../../../../test/support/stored-session.ts'
import { allowEviction } from '../../core/unsafe.ts'
import { sessionStoreContract } from '../../testing/session-store-contract.ts'
import { guardStore } from '../guarded-store.ts'
import type { SessionStore } from '../session-store.ts'
import { redisStore } from './redis.ts'
import { checkEngine } from './redis-check.ts'
import type { RedisClient, RunCommand } from './redis-client.ts'

let server: RedisServer
let cases = 0
const open: (() => unknown)[] = []

function connect(to: RedisServer = server): Redis {
  const client = new Redis(to.port, '127.0.0.1', { retryStrategy: () => 50 })
  client.on('error', () => {})
  open.push(() => client.disconnect())
  return client
}

async function codeOf(work: () => unknown): Promise<string> {
  try {
    await work()
    return 'none'
  } catch (error) {
    return String((error as { readonly code?: unknown }).code)
  }
}

async function eventually(work: () => Promise<unknown>, withinMs: number): Promise<number> {
  const began = Date.now()
  while ((await codeOf(work)) !== 'none') {
    if (Date.now() - began > withinMs) throw new Error(`nothing works after ${withinMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return Date.now() - began
}

beforeAll(async () => {
  server = await startRedis()
})

afterEach(async () => {
  for (const close of open.splice(0)) await close()
  await server.cli('FLUSHALL')
})

afterAll(async () => {
  await server.close()
})

describe('redisStore with a server that fails', () => {
  it('rejects in time while the server stands still, and goes on when it does', async () => {
    const store = guardStore(redisStore(connect()), 400)
    const session = storedSession('one')
    await store.insert(session)
    server.pause()
    try {
      const operations: readonly (() => unknown)[] = [
        () => store.get(session.id),
        () => store.touch(session.id, Date.now(), Date.now() + 60_000),
        () => store.listBySubject('subject'),
        () => store.endingOf(session.id),
        () => store.takeBlob('key'),
        () => store.acquireLease('lease', 1000),
      ]
      const codes = await Promise.all(operations.map(codeOf))
      expect(codes).toEqual(operations.map(() => 'store_unavailable'))
    } finally {
      server.resume()
    }
    await eventually(async () => store.get(session.id), 5000)
    expect((await store.get(session.id))?.body).toEqual(session.body)
  })

  it('rejects while the server is gone, with each client, and works when it is back', async () => {
    const own = await startRedis()
    const node = createClient({ url: own.url, socket: { reconnectStrategy: 50 } })
    node.on('error', () => {})
    await node.connect()
    const stores = [connect(own), node].map((client) => guardStore(redisStore(client), 500))
    for (const store of stores) await store.prepare?.()
    await own.kill()
    for (const store of stores) {
      expect(await codeOf(() => store.get(storedSession('one').id))).toBe('store_unavailable')
      expect(await codeOf(() => store.insert(storedSession('one')))).toBe('store_unavailable')
    }
    await own.start()
    for (const [place, store] of stores.entries()) {
      await eventually(async () => store.insert(storedSession(`s-${place}`)), 5000)
      expect(await store.get(storedSession(`s-${place}`).id)).toBeDefined()
    }
    node.destroy()
    await own.close()
  })

  it('does not remember that a server was away when it was checked', async () => {
    const own = await startRedis()
    await own.kill()
    const store = guardStore(redisStore(connect(own)), 300)
    expect(await codeOf(() => store.get(storedSession('one').id))).toBe('store_unavailable')
    await own.start()
    await eventually(async () => store.insert(storedSession('one')), 5000)
    await own.close()
  })

  it('sends scripts again that the server has forgotten', async () => {
    const store = redisStore(connect())
    await store.insert(storedSession('one'))
    await server.cli('SCRIPT', 'FLUSH')
    expect(await store.replace(storedSession('one', { version: 2 }), 1)).toBe(true)
    await server.cli('SCRIPT', 'FLUSH')
    const claims = Array.from({ length: 50 }, () => store.claim('key', Date.now() + 60_000))
    expect((await Promise.all(claims)).filter(Boolean).length).toBe(1)
  })

  it('keeps the old record and still ends sessions while the memory is full', async () => {
    const own = await startRedis({ maxmemory: '3mb' })
    const store = guardStore(redisStore(connect(own)))
    const old = storedSession('one', { sidKey: 'sid' })
    await store.insert(old)
    await store.insert(storedSession('two'))
    // Large ones first; small ones then, for the server counts what is on its way as well.
    let code = 'none'
    for (const size of [100_000, 1000]) {
      const bytes = new Uint8Array(size)
      code = 'none'
      for (let key = 0; key < 2000 && code === 'none'; key += 1) {
        code = await codeOf(() => store.putBlob(`${size}-${key}`, bytes, Date.now() + 60_000))
      }
    }
    expect(code).toBe('store_unavailable')
    const body = new Uint8Array(100_000)
    expect(await codeOf(() => store.replace({ ...old, version: 2, body }, 1))).toBe(
      'store_unavailable',
    )
    expect(await codeOf(() => store.insert(storedSession('three', { body })))).toBe(
      'store_unavailable',
    )
    expect(await store.get(old.id)).toEqual(old)
    expect((await store.delete(old.id, 'signed_out'))?.id).toBe(old.id)
    expect(await store.endingOf(old.id)).toBe('signed_out')
    expect(await store.deleteBySubject('subject', 'ended_by_user')).toHaveLength(1)
    await own.close()
  })

  it('answers a value of another type under its names as no session', async () => {
    const store = redisStore(connect())
    await store.insert(storedSession('one'))
    const key = `coatcheck:session:{${storedSession('one').id}}`
    await server.cli('DEL', key)
    await server.cli('HSET', key, 'field', 'value')
    expect(await store.get(storedSession('one').id)).toBeUndefined()
    expect(await store.deleteBySubject('subject', 'ended_by_operator')).toEqual([])
    expect(await server.cli('EXISTS', key)).toBe('0\n')
  })
})

describe('redisStore looks at its server first', () => {
  it.each(['allkeys-lru', 'volatile-lru', 'volatile-ttl', 'allkeys-random'])(
    'refuses maxmemory-policy %s, until it is corrected or accepted by name',
    async (policy) => {
      const own = await startRedis({ maxmemory: '50mb', 'maxmemory-policy': policy })
      const store = redisStore(connect(own))
      expect(await codeOf(() => store.prepare?.())).toBe('invalid_configuration')
      expect(await codeOf(() => store.get(storedSession('one').id))).toBe('invalid_configuration')
      await redisStore(connect(own), { [allowEviction]: true }).insert(storedSession('one'))
      await own.cli('CONFIG', 'SET', 'maxmemory-policy', 'noeviction')
      expect(await store.get(storedSession('one').id)).toBeDefined()
      await own.close()
    },
  )

  it('takes any policy where memory has no limit', async () => {
    await server.cli('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru')
    expect(await codeOf(() => redisStore(connect()).prepare?.())).toBe('none')
    await server.cli('CONFIG', 'SET', 'maxmemory-policy', 'noeviction')
  })

  it('works for a user with few rights, and says what one without INFO lacks', async () => {
    // The list of docs/stores-redis.md, without INFO.
    const commands =
      'get mget set getdel getrange setrange del exists hget hmget hset pttl pexpire zadd zrem zrange zscore zremrangebyscore eval evalsha time publish subscribe ping'
    const rights = commands.split(' ').map((command) => `+${command}`)
    const names = ['~coatcheck:*', '&coatcheck:*']
    await server.cli('ACL', 'SETUSER', 'few', 'on', '>pw', ...names, '-@all', ...rights)
    const login = { username: 'few', password: 'pw', enableReadyCheck: false }
    const client = new Redis(server.port, '127.0.0.1', login)
    client.on('error', () => {})
    open.push(() => client.disconnect())
    const store = redisStore(client)
    expect(await codeOf(() => store.prepare?.())).toBe('invalid_configuration')
    await server.cli('ACL', 'SETUSER', 'few', '+info')
    for (const { name, run } of sessionStoreContract(
      (clock) => {
        cases += 1
        return { store: redisStore(client, { clock, prefix: `coatcheck:${cases}:` }) }
      },
      { engineExpires: true },
    )) {
      await run().catch((error: unknown) => {
        throw new Error(`${name}: ${error}`)
      })
    }
    await server.cli('ACL', 'DELUSER', 'few')
  })

  it('refuses a server that is too old', async () => {
    const old: RunCommand = async (_key, [, section]) =>
      Buffer.from(section === 'server' ? 'redis_version:6.0.16\r\n' : 'maxmemory:0\r\n')
    const driver = { masters: async () => [old] }
    expect(await codeOf(() => checkEngine(driver, false))).toBe('invalid_configuration')
  })

  it('refuses what is no client of a kind it knows, and what would read from replicas', () => {
    const refused = [undefined, {}, { sendCommand: () => {} }] as unknown as RedisClient[]
    for (const client of refused) expect(() => redisStore(client)).toThrow(/ioredis/)
    expect(() => redisStore(connect(), { prefix: 'a{b}' })).toThrow(/prefix/)
    const cluster = new Cluster([{ host: '127.0.0.1', port: 1 }], {
      scaleReads: 'slave',
      lazyConnect: true,
    })
    expect(() => redisStore(cluster)).toThrow(/replicas/)
  })
})

describe('redisStore leaves nothing lying about', () => {
  it('lets the server remove what is over, all of it', async () => {
    const store = redisStore(connect())
    const soon = Date.now() + 1200
    await store.insert(storedSession('one', { expiresAt: soon, sidKey: 'sid' }))
    await store.claim('key', soon)
    await store.putBlob('key', new Uint8Array(5), soon)
    expect(await store.sweep(10)).toEqual([])
    expect(await store.get(storedSession('one').id)).toBeDefined()
    await new Promise((resolve) => setTimeout(resolve, 1300))
    expect(await store.get(storedSession('one').id)).toBeUndefined()
    expect(await store.listBySubject('subject')).toEqual([])
    expect(await store.takeBlob('key')).toBeUndefined()
    expect(await store.claim('key', Date.now() + 1000)).toBe(true)
  })

  it('gives every key a lifetime', async () => {
    const store = redisStore(connect())
    await store.insert(storedSession('one', { sidKey: 'sid' }))
    await store.insert(storedSession('two'))
    await store.delete(storedSession('two').id, 'signed_out')
    await store.acquireLease('lease', 1000)
    await store.claim('key', Date.now() + 60_000)
    await store.putBlob('key', new Uint8Array(5), Date.now() + 60_000)
    const names = (await server.cli('KEYS', '*')).trim().split('\n')
    expect(names.map((name) => name.split(':')[1]).toSorted()).toEqual([
      'blob',
      'claim',
      'ending',
      'lease',
      'session',
      'sid',
      'subject',
    ])
    for (const name of names)
      expect(Number(await server.cli('PTTL', name)), name).toBeGreaterThan(0)
  })

  it('drops entries of an index whose session is gone, but none that is about to be written', async () => {
    let now = Date.now()
    const store = redisStore(connect(), { clock: () => now })
    await store.insert(storedSession('one'))
    await store.insert(storedSession('two', { expiresAt: now + 9e6 }))
    await server.cli('DEL', `coatcheck:session:{${storedSession('one').id}}`)
    const entries = async () => Number(await server.cli('ZCARD', 'coatcheck:subject:{subject}'))
    expect(await store.listBySubject('subject')).toHaveLength(1)
    expect(await entries()).toBe(2)
    now += 150_000
    expect(await store.listBySubject('subject')).toHaveLength(1)
    expect(await entries()).toBe(1)
  })

  it('finds a session that has moved to another subject or provider session there alone', async () => {
    const store = redisStore(connect())
    await store.insert(storedSession('one', { sidKey: 'sid-1' }))
    const moved = storedSession('one', { version: 2, subjectKey: 'other', sidKey: 'sid-2' })
    expect(await store.replace(moved, 1)).toBe(true)
    expect(await store.listBySubject('subject')).toEqual([])
    expect(await store.deleteBySubject('subject', 'ended_by_user')).toEqual([])
    expect(await store.deleteByProviderSession('sid-1', 'provider_signed_out')).toEqual([])
    expect(await store.deleteByProviderSession('sid-2', 'provider_signed_out')).toHaveLength(1)
  })

  it('keeps a session in its index as long as touches keep it alive', async () => {
    let now = Date.now()
    const store = redisStore(connect(), { clock: () => now })
    await store.insert(storedSession('one', { sidKey: 'sid' }))
    for (let round = 0; round < 20; round += 1) {
      now += 50_000
      expect(await store.touch(storedSession('one').id, now, now + 60_000)).toBe(true)
    }
    expect(await store.listBySubject('subject')).toHaveLength(1)
    expect(await store.deleteByProviderSession('sid', 'provider_signed_out')).toHaveLength(1)
  })

  it('gives growing numbers to leases, also after their loss', async () => {
    const store = redisStore(connect())
    const first = (await store.acquireLease('lease', 60_000)) ?? 0
    await server.cli('FLUSHALL')
    const second = (await store.acquireLease('lease', 60_000)) ?? 0
    expect(second).toBeGreaterThan(first)
    expect(Number.isSafeInteger(second)).toBe(true)
    expect(await store.acquireLease('lease', 60_000)).toBeUndefined()
  })
})

describe('redisStore with processes whose clocks differ by an hour', () => {
  it('shares leases, claims and sessions', { timeout: 60_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'coatcheck-clocks-'))
    const url = (path: string) => JSON.stringify(new URL(path, import.meta.url).href)
    const script = join(folder, 'compete.mts')
    writeFileSync(
      script,
      `import { createRequire } from 'node:module'
       const { Redis } = createRequire(${url('.')})('ioredis')
       const { redisStore } = await import(${url('./redis.ts')})
       const client = new Redis(${server.port}, '127.0.0.1')
       const store = redisStore(client)
       const name = process.argv[2] ?? ''
       const won = { claims: 0, leases: 0 }
       for (let key = 0; key < 100; key += 1) {
         if (await store.claim('key-' + key, Date.now() + 60000)) won.claims += 1
         if ((await store.acquireLease('lease-' + key, 60000)) !== undefined) won.leases += 1
       }
       const now = Date.now()
       const bytes = new Uint8Array(1)
       await store.insert({ format: 1, id: name, version: 1, createdAt: now, lastSeenAt: now,
         expiresAt: now + 60000, subjectKey: 'subject', wraps: [bytes], body: bytes, card: bytes })
       console.log(JSON.stringify(won))
       client.disconnect()`,
    )
    const node = fileURLToPath(new URL('../../../../../node_modules/.bin/node', import.meta.url))
    const compete = (name: string, shiftMs: number) =>
      new Promise<{ claims: number; leases: number }>((resolve, reject) => {
        const shift = `const real = Date.now; Date.now = () => real() + ${shiftMs}`
        const preload = `data:text/javascript,${encodeURIComponent(shift)}`
        const child = spawn(node, ['--import', preload, script, name], {
          stdio: ['ignore', 'pipe', 'inherit'],
        })
        let text = ''
        child.stdout.on('data', (chunk) => {
          text += chunk
        })
        child.on('error', reject)
        child.on('close', () => resolve(JSON.parse(text)))
      })
    const hour = 3_600_000
    const [behind, right, ahead] = await Promise.all([
      compete('behind', -hour),
      compete('right', 0),
      compete('ahead', hour),
    ])
    expect(behind.claims + right.claims + ahead.claims).toBe(100)
    expect(behind.leases + right.leases + ahead.leases).toBe(100)
    const late = await compete('late', -hour)
    expect(late).toEqual({ claims: 0, leases: 0 })
    const store: SessionStore = redisStore(connect())
    const ids = (await store.listBySubject('subject')).map(({ id }) => id)
    expect(ids.toSorted()).toEqual(['ahead', 'behind', 'late', 'right'])
    rmSync(folder, { recursive: true })
  })
})
