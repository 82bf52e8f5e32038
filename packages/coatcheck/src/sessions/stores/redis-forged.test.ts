import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type RedisServer, startRedis } from '../../../../../test/support/redis-server.ts'
import {
  BINDING,
  CANARIES,
  CARD,
  newRing,
  tokenSet,
} from '../../../../../test/support/session-fixture.ts'
import { type Bytes, decodeBase64url, encodeBase64url } from '../../core/bytes.ts'
import { systemRandom } from '../../core/random.ts'
import type { KeyRing } from '../../ring/key-ring.ts'
import { createRecords } from '../record.ts'
import type { StoredSession } from '../session-store.ts'
import { createSessions, type Sessions } from '../sessions.ts'
import { createTicket } from '../ticket.ts'
import { redisStore } from './redis.ts'
import { readRecord, writeRecord } from './redis-record.ts'

interface Victim {
  readonly ticket: string
  readonly id: string
}

let server: RedisServer
let client: Redis
let ring: KeyRing

// A process that has opened nothing yet: no cache of opened sessions hides a forgery.
function freshSessions(binding: Partial<typeof BINDING> = {}): Sessions {
  return createSessions({ ...BINDING, ...binding, ring, store: redisStore(client) })
}

async function signIn(subject = CANARIES.subject): Promise<Victim> {
  const { ticket, session } = await freshSessions().create({
    tokenSet: tokenSet({ subject }),
    userAgent: 'canary-user-agent',
    address: '203.0.113.77',
  })
  return { ticket, id: session.id }
}

const keyOf = (id: string): string => `coatcheck:session:{${id}}`

async function bytesOf(id: string): Promise<Buffer> {
  const value = await client.getBuffer(keyOf(id))
  if (value === null) throw new Error('gone')
  return value
}

async function recordOf(id: string): Promise<StoredSession> {
  const record = readRecord(id, await bytesOf(id))
  if (record === undefined) throw new Error('unreadable')
  return record
}

async function write(id: string, value: string | Buffer): Promise<void> {
  await client.set(keyOf(id), value, 'KEEPTTL')
}

async function edit(id: string, changes: Partial<StoredSession>): Promise<void> {
  const { head, tail } = writeRecord({ ...(await recordOf(id)), ...changes })
  await write(id, Buffer.concat([Buffer.from(head), tail]))
}

async function reasonOf(ticket: string, sessions = freshSessions()): Promise<string> {
  const loaded = await sessions.load(ticket)
  return loaded.ok ? 'opened' : loaded.reason
}

function flipped(bytes: Bytes, bit: number): Bytes {
  const forged = bytes.slice()
  forged[bit >> 3] = (forged[bit >> 3] ?? 0) ^ (1 << (bit & 7))
  return forged
}

beforeAll(async () => {
  server = await startRedis()
  client = new Redis(server.port, '127.0.0.1')
})

beforeEach(async () => {
  await client.flushall()
  ring = newRing()
})

afterAll(async () => {
  client.disconnect()
  await server.close()
})

describe('a Redis server in the hands of somebody without the ring', () => {
  it('T-SESSION-06 shows neither ticket, token, subject nor e-mail address', async () => {
    const { ticket, id } = await signIn()
    const sessions = freshSessions()
    const store = redisStore(client)
    const overheard: string[] = []
    const listening = client.duplicate()
    await listening.psubscribe('*')
    listening.on('pmessage', (_pattern, channel, message) => overheard.push(channel, message))
    const monitoring = await client.duplicate().monitor()
    const commands: string[] = []
    monitoring.on('monitor', (_time, command: readonly string[]) =>
      commands.push(command.join(' ')),
    )
    const opened = await sessions.load(ticket)
    if (!opened.ok) throw new Error(opened.reason)
    const dead = await signIn('canary-dead-subject')
    const second = await sessions.load(dead.ticket)
    if (second.ok) await sessions.end(second.session, 'signed_out')
    await store.listBySubject((await recordOf(id)).subjectKey)
    await server.cli('SAVE')
    const values: Buffer[] = []
    for (const key of await client.keys('*'))
      values.push(Buffer.from(key), await client.dumpBuffer(key))
    const haystacks = [
      readFileSync(join(server.folder, 'dump.rdb')),
      Buffer.concat(values),
      Buffer.from(overheard.join('\n')),
      Buffer.from(commands.join('\n')),
      await bytesOf(id),
    ]
    const secret = decodeBase64url(ticket)?.subarray(16) ?? new Uint8Array(0)
    const needles = [
      ...Object.values(CANARIES).map((text) => Buffer.from(text)),
      Buffer.from(CANARIES.accessToken.split('.')[1] ?? ''),
      Buffer.from('canary'),
      Buffer.from('203.0.113.77'),
      Buffer.from(BINDING.issuer),
      Buffer.from(ticket),
      Buffer.from(ticket.slice(24)),
      Buffer.from(dead.ticket),
      Buffer.from(secret),
      Buffer.from(secret).subarray(0, 12),
    ]
    expect(haystacks[0]?.includes(id), 'the search finds what is there').toBe(true)
    expect(haystacks[3]?.includes(id), 'commands were seen').toBe(true)
    expect(overheard.join(), 'notices were seen').toContain('signed_out')
    for (const needle of needles) {
      for (const haystack of haystacks) {
        expect(haystack.includes(needle), needle.toString()).toBe(false)
      }
    }
    monitoring.disconnect()
    listening.disconnect()
  })

  it('T-SESSION-01 an id alone opens nothing', async () => {
    const { ticket, id } = await signIn()
    const idBytes = decodeBase64url(id) ?? new Uint8Array(0)
    for (const secret of [new Uint8Array(32), systemRandom(32)]) {
      const guessed = new Uint8Array(48)
      guessed.set(idBytes)
      guessed.set(secret, 16)
      expect(await reasonOf(encodeBase64url(guessed))).toBe('tampered')
    }
    expect(await reasonOf(ticket)).toBe('opened')
  })

  it('T-SESSION-06 refuses a session that was made up under a ring of the writer', async () => {
    const own = createTicket(systemRandom)
    const forger = createRecords(newRing(), BINDING, systemRandom)
    const now = Date.now()
    const subjectKey = forger.lookupKey('sub', 'admin')
    const contents = {
      tokenSet: tokenSet({ subject: 'admin' }),
      createdAt: now,
      absoluteEndsAt: now + 9e9,
      subjectKey,
    }
    const { dataKey: _, ...sealed } = forger.seal(own, contents, CARD)
    const times = { createdAt: now, lastSeenAt: now, expiresAt: now + 9e9 }
    const forged = { format: 1 as const, id: own.id, version: 1, ...times, subjectKey, ...sealed }
    await redisStore(client).insert(forged)
    expect(await reasonOf(own.value)).toBe('unknown_key')
    // The same under the id of a key that exists: what the writer can read in any wrap.
    const { id: victim } = await signIn()
    const known = (await recordOf(victim)).wraps[0]?.subarray(0, 6) ?? new Uint8Array(0)
    const wraps = sealed.wraps.map((wrap) => {
      const copy = wrap.slice()
      copy.set(known)
      return copy
    })
    await edit(own.id, { wraps })
    expect(await reasonOf(own.value)).toBe('tampered')
  })

  it('T-SESSION-06 refuses every part of one session in another, and one under another id', async () => {
    const attacker = await signIn('attacker')
    const victim = await signIn('victim')
    const former = await bytesOf(attacker.id)
    const { wraps, body } = await recordOf(victim.id)
    for (const changes of [{ wraps }, { body }, { wraps, body }]) {
      await edit(attacker.id, changes)
      expect(await reasonOf(attacker.ticket), Object.keys(changes).join()).toBe('tampered')
      await write(attacker.id, former)
    }
    expect(await reasonOf(attacker.ticket)).toBe('opened')
    await client.copy(keyOf(victim.id), keyOf(attacker.id), 'REPLACE')
    expect(await reasonOf(attacker.ticket)).toBe('tampered')
    const grafted = decodeBase64url(victim.ticket)?.slice() ?? new Uint8Array(0)
    grafted.set(decodeBase64url(attacker.id) ?? new Uint8Array(0))
    expect(await reasonOf(encodeBase64url(grafted))).toBe('tampered')
  })

  it('T-SESSION-06 refuses a second wrap beside the first', async () => {
    const attacker = await signIn('attacker')
    const victim = await signIn('victim')
    const [one, other] = [await recordOf(attacker.id), await recordOf(victim.id)]
    await edit(victim.id, { wraps: [...one.wraps, ...other.wraps] })
    expect(await reasonOf(victim.ticket)).toBe('opened')
    const grafted = decodeBase64url(attacker.ticket)?.slice() ?? new Uint8Array(0)
    grafted.set(decodeBase64url(victim.id) ?? new Uint8Array(0))
    expect(await reasonOf(encodeBase64url(grafted))).toBe('tampered')
  })

  it('T-SESSION-06 refuses edited words that find or date a session', async () => {
    const { ticket, id } = await signIn()
    const former = await bytesOf(id)
    const edits: readonly Partial<StoredSession>[] = [
      { version: 2 },
      { version: 0 },
      { createdAt: Date.now() + 9e12 },
      { createdAt: 0 },
      { subjectKey: 'another' },
      { sidKey: 'another' },
    ]
    for (const changes of edits) {
      await edit(id, changes)
      expect(await reasonOf(ticket), JSON.stringify(changes)).toBe('tampered')
      await write(id, former)
    }
    expect(await reasonOf(ticket)).toBe('opened')
  })

  it('T-SESSION-06 cannot move the absolute end: it lies in the seal', async () => {
    const { ticket, id } = await signIn()
    const far = Date.now() + 9e12
    await edit(id, { expiresAt: far, lastSeenAt: far })
    await client.persist(keyOf(id))
    const loaded = await freshSessions().load(ticket)
    if (!loaded.ok) throw new Error(loaded.reason)
    expect(loaded.session.absoluteEndsAt).toBeLessThanOrEqual(Date.now() + 43_200_000)
    expect(loaded.session.idleEndsAt).toBeLessThanOrEqual(Date.now() + 43_200_000)
    const later = createSessions({
      ...BINDING,
      ring,
      store: redisStore(client),
      clock: () => Date.now() + 43_200_001,
    })
    expect(await reasonOf(ticket, later)).toBe('absolute_timeout')
  })

  it('T-SESSION-06 refuses every flipped bit and every truncation of body and wrap', async () => {
    const { ticket, id } = await signIn()
    const former = await bytesOf(id)
    const { wraps, body } = await recordOf(id)
    const [wrap = new Uint8Array(0)] = wraps
    const tries: Partial<StoredSession>[] = []
    for (let bit = 0; bit < wrap.length * 8; bit += 1) tries.push({ wraps: [flipped(wrap, bit)] })
    for (let bit = 0; bit < body.length * 8; bit += 97) tries.push({ body: flipped(body, bit) })
    for (let end = 0; end < wrap.length; end += 1) tries.push({ wraps: [wrap.subarray(0, end)] })
    for (let end = 0; end < body.length; end += 97) tries.push({ body: body.subarray(0, end) })
    for (const changes of tries) {
      await edit(id, changes)
      expect(await reasonOf(ticket)).not.toBe('opened')
      await write(id, former)
    }
    expect(await reasonOf(ticket)).toBe('opened')
  })

  it('T-SESSION-06 refuses whatever else stands under the name, without an exception', async () => {
    const { ticket, id } = await signIn()
    const former = await bytesOf(id)
    for (let length = 0; length < former.length; length += 13) {
      await write(id, former.subarray(0, length))
      expect(await reasonOf(ticket), `cut to ${length}`).not.toBe('opened')
    }
    // Digits of the times decide nothing; all else of the words does.
    for (let place = 0; place < 200; place += 1) {
      for (const byte of [0, 32, 45, 10, 255]) {
        const forged = Buffer.from(former)
        forged[place] = byte
        await write(id, forged)
        if (!forged.equals(former)) expect(await reasonOf(ticket)).not.toBe('opened')
      }
    }
    for (const value of [
      '',
      'x',
      '\u0000',
      '-5',
      ' '.repeat(100),
      '9'.repeat(200),
      '\n'.repeat(99),
    ]) {
      await write(id, value)
      expect(await reasonOf(ticket)).not.toBe('opened')
    }
    const others: readonly (() => Promise<unknown>)[] = [
      () => client.hset(keyOf(id), 'field', 'value'),
      () => client.rpush(keyOf(id), 'value'),
      () => client.zadd(keyOf(id), 1, 'value'),
    ]
    for (const make of others) {
      await client.del(keyOf(id))
      await make()
      expect(await reasonOf(ticket)).toBe('unknown')
      expect(await redisStore(client).touch(id, Date.now(), Date.now() + 1000)).toBe(false)
    }
  })

  it('T-SESSION-06 lets no forged value stand in the way of ending the sessions of its person', async () => {
    const store = redisStore(client)
    const forged = [await signIn(), await signIn(), await signIn()]
    const { ticket } = await signIn()
    const { subjectKey } = await recordOf(forged[0]?.id ?? '')
    await write(forged[0]?.id ?? '', 'none of ours')
    await write(forged[1]?.id ?? '', '9'.repeat(40))
    await client.del(keyOf(forged[2]?.id ?? ''))
    await client.hset(keyOf(forged[2]?.id ?? ''), 'field', 'value')
    expect((await store.listBySubject(subjectKey)).length).toBe(1)
    // What cannot be read is ended all the same, and not given back.
    expect((await store.deleteBySubject(subjectKey, 'ended_by_operator')).length).toBe(1)
    expect(await reasonOf(ticket)).toBe('unknown')
    expect(await client.keys('coatcheck:session:*')).toEqual([])
  })

  it('T-SESSION-06 lets no planted entry of an index end the session of somebody else', async () => {
    const store = redisStore(client)
    const attacker = await signIn('attacker')
    const victim = await signIn('victim')
    const { subjectKey } = await recordOf(attacker.id)
    await client.zadd(`coatcheck:subject:{${subjectKey}}`, 1e15, victim.id)
    expect((await store.listBySubject(subjectKey)).map(({ id }) => id)).toEqual([attacker.id])
    await store.deleteBySubject(subjectKey, 'ended_by_user')
    expect(await reasonOf(victim.ticket)).toBe('opened')
  })

  it('T-SESSION-06 opens no session of another site, issuer or client behind the same ring', async () => {
    const { ticket } = await signIn()
    for (const other of [
      { site: 'https://b.example' },
      { issuer: 'https://other-idp.example' },
      { clientId: 'client-b' },
    ]) {
      expect(await reasonOf(ticket, freshSessions(other))).toBe('tampered')
    }
    expect(await reasonOf(ticket)).toBe('opened')
  })

  it('T-SESSION-06 a holder of the ring without the ticket opens no body', async () => {
    const { ticket, id } = await signIn()
    const stored = await recordOf(id)
    const records = createRecords(ring, BINDING, systemRandom)
    for (let round = 0; round < 50; round += 1) {
      const opened = records.open(stored, { id, secret: systemRandom(32) })
      expect(opened).toEqual({ ok: false, reason: 'tampered' })
    }
    expect(await reasonOf(ticket)).toBe('opened')
  })
})
