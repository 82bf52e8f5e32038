import { Pool } from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type PostgresServer, startPostgres } from '../../../../../test/support/postgres-server.ts'
import {
  BINDING,
  CANARIES,
  CARD,
  newRing,
  tokenSet,
} from '../../../../../test/support/session-fixture.ts'
import { decodeBase64url, encodeBase64url } from '../../core/bytes.ts'
import { systemRandom } from '../../core/random.ts'
import type { KeyRing } from '../../ring/key-ring.ts'
import { createRecords } from '../record.ts'
import type { SessionStore } from '../session-store.ts'
import { createSessions, type Sessions } from '../sessions.ts'
import { createTicket } from '../ticket.ts'
import { packRecord, unpackRecord } from './packed-record.ts'
import { postgresStore } from './postgres.ts'

interface Victim {
  readonly ticket: string
  readonly id: string
}

type Parts = NonNullable<ReturnType<typeof unpackRecord>>

let server: PostgresServer
let pool: Pool
let store: SessionStore
let ring: KeyRing

// A process that has opened nothing yet: no cache of opened sessions hides a forgery.
function freshSessions(binding: Partial<typeof BINDING> = {}): Sessions {
  return createSessions({ ...BINDING, ...binding, ring, store })
}

async function signIn(subject = CANARIES.subject): Promise<Victim> {
  const { ticket, session } = await freshSessions().create({
    tokenSet: tokenSet({ subject }),
    userAgent: 'canary-user-agent',
    address: '203.0.113.77',
  })
  return { ticket, id: session.id }
}

async function edit(sql: string, ...values: unknown[]): Promise<void> {
  expect((await pool.query(sql, values)).rowCount).toBeGreaterThan(0)
}

async function column(id: string, name: string): Promise<unknown> {
  const sql = `SELECT ${name} AS value FROM coatcheck_sessions WHERE id = $1`
  return (await pool.query(sql, [id])).rows[0]?.value
}

async function partsOf(id: string): Promise<Parts> {
  const parts = unpackRecord(new Uint8Array((await column(id, 'record')) as Buffer))
  if (parts === undefined) throw new Error('not a record')
  return parts
}

async function editParts(id: string, changes: Partial<Parts>): Promise<void> {
  const record = packRecord({ ...(await partsOf(id)), ...changes })
  await edit('UPDATE coatcheck_sessions SET record = $1 WHERE id = $2', record, id)
}

async function reasonOf(ticket: string, sessions = freshSessions()): Promise<string> {
  const loaded = await sessions.load(ticket)
  return loaded.ok ? 'opened' : loaded.reason
}

beforeAll(async () => {
  server = await startPostgres()
  pool = new Pool({ connectionString: server.url })
  store = postgresStore(pool)
  await store.prepare?.()
})
beforeEach(async () => {
  await pool.query('TRUNCATE coatcheck_sessions, coatcheck_times, coatcheck_endings')
  ring = newRing()
})
afterAll(async () => {
  await pool.end()
  await server.close()
})

describe('tables in the hands of somebody without the ring', () => {
  it('T-SESSION-06 a dump shows neither ticket, token, subject nor e-mail address', async () => {
    const { ticket, id } = await signIn()
    const dead = await signIn('canary-dead-subject')
    const opened = await freshSessions().load(dead.ticket)
    if (opened.ok) await freshSessions().end(opened.session, 'signed_out')
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
    const dump = (await server.dump()).toLowerCase()
    const body = Buffer.from((await partsOf(id)).body.subarray(0, 12))
    expect(dump.includes(id.toLowerCase()), 'the search finds text').toBe(true)
    expect(dump.includes(body.toString('hex')), 'the search finds bytes').toBe(true)
    for (const needle of needles) {
      expect(dump.includes(needle.toString('latin1').toLowerCase()), needle.toString()).toBe(false)
      expect(dump.includes(needle.toString('hex')), needle.toString()).toBe(false)
    }
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
    const row = { format: 1 as const, id: own.id, version: 1, ...times, subjectKey, ...sealed }
    await store.insert(row)
    expect(await reasonOf(own.value)).toBe('unknown_key')
    // The same under the id of a key that exists: what the writer can read in any wrap.
    const { id: victim } = await signIn()
    const keyId = (await partsOf(victim)).wraps[0]?.subarray(0, 6) ?? new Uint8Array(0)
    const wraps = sealed.wraps.map((wrap) => {
      const forged = wrap.slice()
      forged.set(keyId)
      return forged
    })
    await editParts(own.id, { wraps })
    expect(await reasonOf(own.value)).toBe('tampered')
  })

  it('T-SESSION-06 refuses every part of one session in another, and a session under another id', async () => {
    const attacker = await signIn('attacker')
    const victim = await signIn('victim')
    const former = await partsOf(attacker.id)
    const stolen = await partsOf(victim.id)
    for (const name of ['wraps', 'body'] as const) {
      await editParts(attacker.id, { [name]: stolen[name] })
      expect(await reasonOf(attacker.ticket), name).toBe('tampered')
      await editParts(attacker.id, former)
      expect(await reasonOf(attacker.ticket), name).toBe('opened')
    }
    await editParts(attacker.id, stolen)
    expect(await reasonOf(attacker.ticket)).toBe('tampered')
    await edit('UPDATE coatcheck_sessions SET id = $1 WHERE id = $2', 'x'.repeat(22), attacker.id)
    await edit('UPDATE coatcheck_sessions SET id = $1 WHERE id = $2', attacker.id, victim.id)
    expect(await reasonOf(attacker.ticket)).toBe('tampered')
    const grafted = decodeBase64url(victim.ticket)?.slice() ?? new Uint8Array(0)
    grafted.set(decodeBase64url(attacker.id) ?? new Uint8Array(0))
    expect(await reasonOf(encodeBase64url(grafted))).toBe('tampered')
  })

  it('T-SESSION-06 refuses a row that was copied under a new id', async () => {
    const { ticket, id } = await signIn()
    const own = createTicket(systemRandom)
    await edit(
      `INSERT INTO coatcheck_sessions SELECT $1, format, version, created_at, subject_key, sid_key, record
       FROM coatcheck_sessions WHERE id = $2`,
      own.id,
      id,
    )
    await edit(
      'INSERT INTO coatcheck_times SELECT $1, last_seen_at, expires_at FROM coatcheck_times WHERE id = $2',
      own.id,
      id,
    )
    expect(await reasonOf(own.value)).toBe('tampered')
    const grafted = decodeBase64url(ticket)?.slice() ?? new Uint8Array(0)
    grafted.set(decodeBase64url(own.id) ?? new Uint8Array(0))
    expect(await reasonOf(encodeBase64url(grafted))).toBe('tampered')
    expect(await reasonOf(ticket)).toBe('opened')
  })

  it('T-SESSION-06 refuses edited columns that find or date a session', async () => {
    const { ticket, id } = await signIn()
    const edits: readonly (readonly [string, string | number | null])[] = [
      ['version', 2],
      ['version', 0],
      ['version', -1],
      ['created_at', Date.now() + 9e12],
      ['created_at', 0],
      ['subject_key', 'another'],
      ['sid_key', null],
      ['sid_key', 'another'],
    ]
    for (const [name, value] of edits) {
      const former = await column(id, name)
      await edit(`UPDATE coatcheck_sessions SET ${name} = $1 WHERE id = $2`, value, id)
      expect(await reasonOf(ticket), `${name} ${value}`).toBe('tampered')
      await edit(`UPDATE coatcheck_sessions SET ${name} = $1 WHERE id = $2`, former, id)
    }
    expect(await reasonOf(ticket)).toBe('opened')
  })

  it('T-SESSION-06 cannot move the absolute end: it lies in the seal', async () => {
    const { ticket } = await signIn()
    const far = Date.now() + 9e12
    await edit('UPDATE coatcheck_times SET expires_at = $1, last_seen_at = $1', far)
    const loaded = await freshSessions().load(ticket)
    if (!loaded.ok) throw new Error(loaded.reason)
    expect(loaded.session.absoluteEndsAt).toBeLessThanOrEqual(Date.now() + 43_200_000)
    expect(loaded.session.idleEndsAt).toBeLessThanOrEqual(Date.now() + 43_200_000)
    const clock = (): number => Date.now() + 43_200_001
    const later = createSessions({ ...BINDING, ring, store, clock })
    expect(await reasonOf(ticket, later)).toBe('absolute_timeout')
  })

  it('T-SESSION-06 refuses flipped bits and truncations of what decides', async () => {
    const { ticket, id } = await signIn()
    const former = await partsOf(id)
    const record = new Uint8Array((await column(id, 'record')) as Buffer)
    const set = 'UPDATE coatcheck_sessions SET record = $1 WHERE id = $2'
    const cardEnds = 8 + former.body.length + former.card.length
    // The card is for operators and decides nothing.
    const decides = (byte: number): boolean => byte < 8 + former.body.length || byte >= cardEnds
    for (let bit = 0; bit < record.length * 8; bit += 41) {
      const forged = record.slice()
      forged[bit >> 3] = (forged[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      await edit(set, forged, id)
      const reason = await reasonOf(ticket)
      if (decides(bit >> 3)) expect(reason, `${bit}`).not.toBe('opened')
    }
    for (let length = 0; length < record.length; length += 41) {
      await edit(set, record.subarray(0, length), id)
      expect(await reasonOf(ticket), `${length}`).not.toBe('opened')
    }
    await edit(set, record, id)
    expect(await reasonOf(ticket)).toBe('opened')
  })

  it('T-SESSION-06 refuses odd values without an exception', async () => {
    const { ticket, id } = await signIn()
    const edits = [
      ['format', '2'],
      ['format', '-1'],
      ['version', '9223372036854775807'],
      ['created_at', '-9223372036854775808'],
      ['subject_key', "''"],
      ['record', "''"],
      ['record', "'\\xffffffffffff'"],
      ['record', "'\\x0000000000000000'"],
    ]
    for (const [name = '', value] of edits) {
      const former = await column(id, name)
      await edit(`UPDATE coatcheck_sessions SET ${name} = ${value} WHERE id = $1`, id)
      expect(await reasonOf(ticket), `${name} ${value}`).not.toBe('opened')
      await edit(`UPDATE coatcheck_sessions SET ${name} = $1 WHERE id = $2`, former, id)
    }
    for (const value of ['-1', '0', '9223372036854775807']) {
      await edit(`UPDATE coatcheck_times SET last_seen_at = ${value}, expires_at = ${value}`)
      expect(await reasonOf(ticket), value).not.toBe('opened')
    }
    await edit(`INSERT INTO coatcheck_endings VALUES ($1, 'made up', 9e18)`, id)
    expect(await store.endingOf(id)).toBeUndefined()
  })

  it('T-SESSION-06 lets no forged row stand in the way of ending the sessions of its person', async () => {
    const forged = await signIn()
    const { ticket } = await signIn()
    const { subjectKey } = (await store.get(forged.id)) ?? { subjectKey: '' }
    const set = "UPDATE coatcheck_sessions SET version = 9223372036854775807, record = 'x'"
    await edit(`${set} WHERE id = $1`, forged.id)
    const { id: timeless } = await signIn()
    await edit('DELETE FROM coatcheck_times WHERE id = $1', timeless)
    expect((await store.listBySubject(subjectKey)).length).toBe(1)
    // What cannot be read is ended all the same, and not given back.
    expect((await store.deleteBySubject(subjectKey, 'ended_by_operator')).length).toBe(1)
    expect(await reasonOf(ticket)).toBe('unknown')
    expect((await pool.query('SELECT 1 FROM coatcheck_sessions')).rows).toEqual([])
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
})
