import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  BINDING,
  CANARIES,
  CARD,
  newRing,
  tokenSet,
} from '../../../../../test/support/session-fixture.ts'
import { sqliteEngines, type TestDatabase } from '../../../../../test/support/sqlite-engines.ts'
import { decodeBase64url, encodeBase64url } from '../../core/bytes.ts'
import { systemRandom } from '../../core/random.ts'
import type { KeyRing } from '../../ring/key-ring.ts'
import { createRecords } from '../record.ts'
import { createSessions, type Sessions } from '../sessions.ts'
import { createTicket } from '../ticket.ts'
import { packRecord, unpackRecord } from './packed-record.ts'
import { sqliteStore } from './sqlite.ts'

interface Victim {
  readonly ticket: string
  readonly id: string
}

let folder: string
let database: TestDatabase
let ring: KeyRing

// A process that has opened nothing yet: no cache of opened sessions hides a forgery.
function freshSessions(binding: Partial<typeof BINDING> = {}): Sessions {
  return createSessions({ ...BINDING, ...binding, ring, store: sqliteStore(database) })
}

async function signIn(subject = CANARIES.subject): Promise<Victim> {
  const { ticket, session } = await freshSessions().create({
    tokenSet: tokenSet({ subject }),
    userAgent: 'canary-user-agent',
    address: '203.0.113.77',
  })
  return { ticket, id: session.id }
}

function edit(sql: string, ...values: (string | number | Uint8Array | null)[]): void {
  expect(Number(database.prepare(sql).run(...values).changes)).toBeGreaterThan(0)
}

function column(id: string, name: string): Uint8Array {
  const row = database
    .prepare(`SELECT ${name} AS value FROM coatcheck_sessions WHERE id = ?`)
    .get(id) as { readonly value: Uint8Array } | undefined
  if (row === undefined) throw new Error('no row')
  return row.value
}

type Parts = NonNullable<ReturnType<typeof unpackRecord>>

function partsOf(id: string): Parts {
  const parts = unpackRecord(new Uint8Array(column(id, 'record')))
  if (parts === undefined) throw new Error('not a record')
  return parts
}

function editParts(id: string, changes: Partial<Parts>): void {
  const record = packRecord({ ...partsOf(id), ...changes })
  edit('UPDATE coatcheck_sessions SET record = ? WHERE id = ?', record, id)
}

async function reasonOf(ticket: string, sessions = freshSessions()): Promise<string> {
  const loaded = await sessions.load(ticket)
  return loaded.ok ? 'opened' : loaded.reason
}

afterEach(() => {
  database.close()
  rmSync(folder, { recursive: true })
})

const NAME = 'a session file in the hands of somebody without the ring, over $name'

describe.each(sqliteEngines())(NAME, ({ open }) => {
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'coatcheck-forged-'))
    database = open(join(folder, 'sessions.sqlite'))
    ring = newRing()
  })

  it('T-SESSION-06 shows neither ticket, token, subject nor e-mail address', async () => {
    const { ticket, id } = await signIn()
    const sessions = freshSessions()
    const loaded = await sessions.load(ticket)
    if (!loaded.ok) throw new Error(loaded.reason)
    const dead = await signIn('canary-dead-subject')
    const opened = await sessions.load(dead.ticket)
    if (opened.ok) await sessions.end(opened.session, 'signed_out')
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
    const files = readdirSync(folder).map((name) => readFileSync(join(folder, name)))
    expect(
      files.some((file) => file.includes(id)),
      'the search finds what is there',
    ).toBe(true)
    for (const needle of needles) {
      for (const file of files) expect(file.includes(needle), needle.toString()).toBe(false)
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

  it('T-SESSION-01 no flipped bit of a ticket opens anything', async () => {
    const { ticket } = await signIn()
    const sessions = freshSessions()
    expect(await reasonOf(ticket, sessions)).toBe('opened')
    for (let bit = 0; bit < 384; bit += 1) {
      const bytes = decodeBase64url(ticket)?.slice() ?? new Uint8Array(0)
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(await reasonOf(encodeBase64url(bytes), sessions)).not.toBe('opened')
    }
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
    await sqliteStore(database).insert(row)
    expect(await reasonOf(own.value)).toBe('unknown_key')
    // The same under the id of a key that exists: what the writer can read in any wrap.
    const { id: victim } = await signIn()
    const wraps = sealed.wraps.map((wrap) => {
      const forged = wrap.slice()
      forged.set(partsOf(victim).wraps[0]?.subarray(0, 6) ?? new Uint8Array(0))
      return forged
    })
    editParts(own.id, { wraps })
    expect(await reasonOf(own.value)).toBe('tampered')
  })

  it('T-SESSION-06 refuses every part of one session in another', async () => {
    const attacker = await signIn('attacker')
    const victim = await signIn('victim')
    const former = partsOf(attacker.id)
    const stolen = partsOf(victim.id)
    for (const name of ['wraps', 'body'] as const) {
      editParts(attacker.id, { [name]: stolen[name] })
      expect(await reasonOf(attacker.ticket), name).toBe('tampered')
      editParts(attacker.id, former)
      expect(await reasonOf(attacker.ticket), name).toBe('opened')
    }
    editParts(attacker.id, stolen)
    expect(await reasonOf(attacker.ticket)).toBe('tampered')
  })

  it('T-SESSION-06 refuses a second wrap beside the first', async () => {
    const attacker = await signIn('attacker')
    const victim = await signIn('victim')
    editParts(victim.id, { wraps: [...partsOf(attacker.id).wraps, ...partsOf(victim.id).wraps] })
    expect(await reasonOf(victim.ticket)).toBe('opened')
    const grafted = decodeBase64url(attacker.ticket)?.slice() ?? new Uint8Array(0)
    grafted.set(decodeBase64url(victim.id) ?? new Uint8Array(0))
    expect(await reasonOf(encodeBase64url(grafted))).toBe('tampered')
  })

  it('T-SESSION-06 refuses a session under another id', async () => {
    const attacker = await signIn('attacker')
    const victim = await signIn('victim')
    edit('UPDATE coatcheck_sessions SET id = ? WHERE id = ?', 'x'.repeat(22), attacker.id)
    edit('UPDATE coatcheck_sessions SET id = ? WHERE id = ?', attacker.id, victim.id)
    expect(await reasonOf(attacker.ticket)).toBe('tampered')
    const grafted = decodeBase64url(victim.ticket)?.slice() ?? new Uint8Array(0)
    grafted.set(decodeBase64url(attacker.id) ?? new Uint8Array(0))
    expect(await reasonOf(encodeBase64url(grafted))).toBe('tampered')
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
      const former = column(id, name) as unknown as string
      edit(`UPDATE coatcheck_sessions SET ${name} = ? WHERE id = ?`, value, id)
      expect(await reasonOf(ticket), `${name} ${value}`).toBe('tampered')
      edit(`UPDATE coatcheck_sessions SET ${name} = ? WHERE id = ?`, former, id)
    }
    expect(await reasonOf(ticket)).toBe('opened')
  })

  it('T-SESSION-06 cannot move the absolute end: it lies in the seal', async () => {
    const { ticket, id } = await signIn()
    const far = Date.now() + 9e12
    edit('UPDATE coatcheck_times SET expires_at = ?, last_seen_at = ?', far, far)
    const loaded = await freshSessions().load(ticket)
    if (!loaded.ok) throw new Error(loaded.reason)
    expect(loaded.session.absoluteEndsAt).toBeLessThanOrEqual(Date.now() + 43_200_000)
    expect(loaded.session.idleEndsAt).toBeLessThanOrEqual(Date.now() + 43_200_000)
    expect(loaded.session.id).toBe(id)
    const later = createSessions({
      ...BINDING,
      ring,
      store: sqliteStore(database),
      clock: () => Date.now() + 43_200_001,
    })
    expect(await reasonOf(ticket, later)).toBe('absolute_timeout')
  })

  it('T-SESSION-06 refuses every flipped bit and every truncation of body and wrap', async () => {
    const { ticket, id } = await signIn()
    const former = partsOf(id)
    const [wrap] = former.wraps
    if (wrap === undefined) throw new Error('no wrap')
    for (const name of ['wrap', 'body']) {
      const put = (bytes: Parts['body']): void => {
        editParts(id, name === 'body' ? { body: bytes } : { wraps: [bytes] })
      }
      const bytes = name === 'body' ? former.body : wrap
      const step = name === 'body' ? 97 : 1
      for (let bit = 0; bit < bytes.length * 8; bit += step) {
        const forged = bytes.slice()
        forged[bit >> 3] = (forged[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        put(forged)
        expect(await reasonOf(ticket), `${name} ${bit}`).not.toBe('opened')
      }
      for (let length = 0; length < bytes.length; length += step) {
        put(bytes.subarray(0, length))
        expect(await reasonOf(ticket), `${name} ${length}`).not.toBe('opened')
      }
      editParts(id, former)
    }
    // And of the column as it lies there, lengths included.
    const record = new Uint8Array(column(id, 'record'))
    const set = 'UPDATE coatcheck_sessions SET record = ? WHERE id = ?'
    const cardEnds = 8 + former.body.length + former.card.length
    const decides = (byte: number): boolean => byte < 8 + former.body.length || byte >= cardEnds
    for (let bit = 0; bit < record.length * 8; bit += 41) {
      const forged = record.slice()
      forged[bit >> 3] = (forged[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      edit(set, forged, id)
      if (decides(bit >> 3)) expect(await reasonOf(ticket), `${bit}`).not.toBe('opened')
      else await reasonOf(ticket)
    }
    for (let length = 0; length < record.length; length += 41) {
      edit(set, record.subarray(0, length), id)
      expect(await reasonOf(ticket), `${length}`).not.toBe('opened')
    }
    edit(set, record, id)
    expect(await reasonOf(ticket)).toBe('opened')
  })

  it('T-SESSION-06 refuses values of other types and sizes without an exception', async () => {
    const { ticket, id } = await signIn()
    const columns = ['format', 'version', 'created_at', 'subject_key', 'record']
    const values = ["''", "'x'", "x'00'", '1e300', '9223372036854775807', '-5', "x'ffffffffffff'"]
    for (const name of columns) {
      const former = column(id, name) as unknown as string
      for (const value of values) {
        edit(`UPDATE coatcheck_sessions SET ${name} = ${value} WHERE id = ?`, id)
        expect(await reasonOf(ticket), `${name} ${value}`).not.toBe('opened')
      }
      edit(`UPDATE coatcheck_sessions SET ${name} = ? WHERE id = ?`, former, id)
    }
    for (const value of ["'x'", "x'00'", '1e300', '-1', '9223372036854775807']) {
      const { ticket: other } = await signIn('other')
      edit(`UPDATE coatcheck_times SET last_seen_at = ${value}, expires_at = ${value}`)
      await reasonOf(other)
    }
  })

  it('T-SESSION-06 lets no forged row stand in the way of ending the sessions of its person', async () => {
    const store = sqliteStore(database)
    const forged = await signIn()
    const { ticket } = await signIn()
    const { subjectKey } = (await store.get(forged.id)) ?? { subjectKey: '' }
    edit('UPDATE coatcheck_sessions SET version = 9223372036854775807 WHERE id = ?', forged.id)
    edit('UPDATE coatcheck_sessions SET record = 9223372036854775807 WHERE id = ?', forged.id)
    expect((await store.listBySubject(subjectKey)).length).toBe(1)
    // What cannot be read is ended all the same, and not given back.
    expect((await store.deleteBySubject(subjectKey, 'ended_by_operator')).length).toBe(1)
    expect(await reasonOf(ticket)).toBe('unknown')
    expect(database.prepare('SELECT 1 FROM coatcheck_sessions').all()).toEqual([])
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
    const stored = await sqliteStore(database).get(id)
    if (stored === undefined) throw new Error('gone')
    const records = createRecords(ring, BINDING, systemRandom)
    for (let round = 0; round < 50; round += 1) {
      const opened = records.open(stored, { id, secret: systemRandom(32) })
      expect(opened).toEqual({ ok: false, reason: 'tampered' })
    }
    expect(await reasonOf(ticket)).toBe('opened')
  })

  it('keys of look-ups differ for site, issuer and kind', () => {
    const base = createRecords(ring, BINDING, systemRandom)
    const others = [
      createRecords(ring, { ...BINDING, site: 'https://b.example' }, systemRandom),
      createRecords(ring, { ...BINDING, issuer: 'https://x.example' }, systemRandom),
      createRecords(newRing(), BINDING, systemRandom),
    ]
    const keys = [base, ...others].map((records) => records.lookupKey('sub', 'ada'))
    keys.push(base.lookupKey('sid', 'ada'), base.lookupKey('sub', 'adb'))
    expect(new Set(keys).size).toBe(keys.length)
  })
})
