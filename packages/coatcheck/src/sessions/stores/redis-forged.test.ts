import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  type ForgedPlace,
  forgeryOf,
  itRefusesForgeries,
} from '../../../../../test/support/forged-sessions.ts'
import { type RedisServer, startRedis } from '../../../../../test/support/redis-server.ts'
import { redisStore } from './redis.ts'
import { readRecord, writeRecord } from './redis-record.ts'

let server: RedisServer
let client: Redis

const keyOf = (id: string): string => `coatcheck:session:{${id}}`

async function bytesOf(id: string): Promise<Buffer> {
  const value = await client.getBuffer(keyOf(id))
  if (value === null) throw new Error('gone')
  return value
}

async function write(id: string, value: string | Buffer): Promise<void> {
  await client.set(keyOf(id), value, 'KEEPTTL')
}

const place: ForgedPlace = {
  store: () => redisStore(client),
  read: async (id) => {
    const record = readRecord(id, await bytesOf(id))
    if (record === undefined) throw new Error('unreadable')
    return record
  },
  write: async (id, session) => {
    const { head, tail } = writeRecord(session)
    await write(id, Buffer.concat([Buffer.from(head), tail]))
  },
  move: async (from, to) => {
    await client.copy(keyOf(from), keyOf(to), 'REPLACE')
  },
}

beforeAll(async () => {
  server = await startRedis()
  client = new Redis(server.port, '127.0.0.1')
})

beforeEach(async () => {
  await client.flushall()
})

afterAll(async () => {
  client.disconnect()
  await server.close()
})

describe('a Redis server in the hands of somebody without the ring', () => {
  const forgery = forgeryOf(place)
  const { signIn, sessions, reasonOf, secretsOf } = forgery

  it('T-SESSION-06 shows neither ticket, token, subject nor e-mail address', async () => {
    const alive = await signIn()
    const { ticket, id } = alive
    const reading = sessions()
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
    const opened = await reading.load(ticket)
    if (!opened.ok) throw new Error(opened.reason)
    const dead = await signIn('canary-dead-subject')
    const second = await reading.load(dead.ticket)
    if (second.ok) await reading.end(second.session, 'signed_out')
    await store.listBySubject((await place.read(id)).subjectKey)
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
    expect(haystacks[0]?.includes(id), 'the search finds what is there').toBe(true)
    expect(haystacks[3]?.includes(id), 'commands were seen').toBe(true)
    expect(overheard.join(), 'notices were seen').toContain('signed_out')
    for (const needle of secretsOf(alive, dead)) {
      for (const haystack of haystacks) {
        expect(haystack.includes(needle), needle.toString()).toBe(false)
      }
    }
    monitoring.disconnect()
    listening.disconnect()
  })

  itRefusesForgeries(place, forgery)

  it('T-SESSION-06 cannot move the absolute end by letting the key live on', async () => {
    const { ticket, id } = await signIn()
    await forgery.edit(id, { expiresAt: Date.now() + 9e12, lastSeenAt: Date.now() + 9e12 })
    await client.persist(keyOf(id))
    const later = sessions({ clock: () => Date.now() + 43_200_001 })
    expect(await reasonOf(ticket, later)).toBe('absolute_timeout')
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
    const { subjectKey } = await place.read(forged[0]?.id ?? '')
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
    const { subjectKey } = await place.read(attacker.id)
    await client.zadd(`coatcheck:subject:{${subjectKey}}`, 1e15, victim.id)
    expect((await store.listBySubject(subjectKey)).map(({ id }) => id)).toEqual([attacker.id])
    await store.deleteBySubject(subjectKey, 'ended_by_user')
    expect(await reasonOf(victim.ticket)).toBe('opened')
  })
})
