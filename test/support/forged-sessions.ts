import { beforeEach, expect, it } from 'vitest'
import {
  type Bytes,
  decodeBase64url,
  encodeBase64url,
} from '../../packages/coatcheck/src/core/bytes.ts'
import { systemRandom } from '../../packages/coatcheck/src/core/random.ts'
import type { KeyRing } from '../../packages/coatcheck/src/ring/key-ring.ts'
import { createRecords } from '../../packages/coatcheck/src/sessions/record.ts'
import type {
  SessionStore,
  StoredSession,
} from '../../packages/coatcheck/src/sessions/session-store.ts'
import { createSessions, type Sessions } from '../../packages/coatcheck/src/sessions/sessions.ts'
import { createTicket } from '../../packages/coatcheck/src/sessions/ticket.ts'
import { BINDING, CANARIES, CARD, newRing, tokenSet } from './session-fixture.ts'

/** Where sessions are stored, in the hands of somebody without the ring. */
export interface ForgedPlace {
  /** A store over the place: one that has read nothing yet. */
  store(): SessionStore
  /** What stands there of a session. */
  read(id: string): Promise<StoredSession>
  /** Writes it, past the store. */
  write(id: string, session: StoredSession): Promise<void>
  /** What stands under one id stands under another one then, instead of what was there. */
  move(from: string, to: string): Promise<void>
}

/** Somebody's session. */
export interface Victim {
  readonly ticket: string
  readonly id: string
}

/** What the tests of a place share. */
export interface Forgery {
  ring(): KeyRing
  /** A process that has opened nothing yet: no cache of opened sessions hides a forgery. */
  sessions(changes?: Partial<Parameters<typeof createSessions>[0]>): Sessions
  signIn(subject?: string): Promise<Victim>
  /** `opened`, or why not. */
  reasonOf(ticket: string, sessions?: Sessions): Promise<string>
  edit(id: string, changes: Partial<StoredSession>): Promise<void>
  /** What must be found nowhere, once two have signed in and their sessions were used. */
  secretsOf(...victims: readonly Victim[]): readonly Buffer[]
}

/** The helpers for a place; a new ring for each test. */
export function forgeryOf(place: ForgedPlace): Forgery {
  let ring = newRing()
  beforeEach(() => {
    ring = newRing()
  })
  const sessions: Forgery['sessions'] = (changes = {}) =>
    createSessions({ ...BINDING, ring, store: place.store(), ...changes })
  return {
    ring: () => ring,
    sessions,
    signIn: async (subject = CANARIES.subject) => {
      const { ticket, session } = await sessions().create({
        tokenSet: tokenSet({ subject }),
        userAgent: 'canary-user-agent',
        address: '203.0.113.77',
      })
      return { ticket, id: session.id }
    },
    reasonOf: async (ticket, opening = sessions()) => {
      const loaded = await opening.load(ticket)
      return loaded.ok ? 'opened' : loaded.reason
    },
    edit: async (id, changes) => place.write(id, { ...(await place.read(id)), ...changes }),
    secretsOf: (...victims) => [
      ...Object.values(CANARIES).map((text) => Buffer.from(text)),
      Buffer.from(CANARIES.accessToken.split('.')[1] ?? ''),
      ...['canary', '203.0.113.77', BINDING.issuer].map((text) => Buffer.from(text)),
      ...victims.flatMap(({ ticket }) => {
        const secret = Buffer.from(decodeBase64url(ticket) ?? []).subarray(16)
        return [Buffer.from(ticket), Buffer.from(ticket.slice(24)), secret, secret.subarray(0, 12)]
      }),
    ],
  }
}

/** A ticket's secret behind another session's id. */
export function grafted(ticket: string, id: string): string {
  const bytes = decodeBase64url(ticket)?.slice() ?? new Uint8Array(0)
  bytes.set(decodeBase64url(id) ?? new Uint8Array(0))
  return encodeBase64url(bytes)
}

/** The same bytes but for one bit. */
export function flipped(bytes: Bytes, bit: number): Bytes {
  const forged = bytes.slice()
  forged[bit >> 3] = (forged[bit >> 3] ?? 0) ^ (1 << (bit & 7))
  return forged
}

/** What holds wherever sessions are stored. */
export function itRefusesForgeries(place: ForgedPlace, forgery: Forgery): void {
  const { sessions, signIn, reasonOf, edit, ring } = forgery

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
    const opening = sessions()
    expect(await reasonOf(ticket, opening)).toBe('opened')
    const bytes = decodeBase64url(ticket) ?? new Uint8Array(0)
    for (let bit = 0; bit < 384; bit += 1) {
      const forged = encodeBase64url(flipped(bytes, bit))
      expect(await reasonOf(forged, opening), `${bit}`).not.toBe('opened')
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
    const forged = { format: 1 as const, id: own.id, version: 1, ...times, subjectKey, ...sealed }
    await place.store().insert(forged)
    expect(await reasonOf(own.value)).toBe('unknown_key')
    // The same under the id of a key that exists: what the writer can read in any wrap.
    const { id: victim } = await signIn()
    const known = (await place.read(victim)).wraps[0]?.subarray(0, 6) ?? new Uint8Array(0)
    const wraps = sealed.wraps.map((wrap) => {
      const copy = wrap.slice()
      copy.set(known)
      return copy
    })
    await edit(own.id, { wraps })
    expect(await reasonOf(own.value)).toBe('tampered')
  })

  it('T-SESSION-06 refuses every part of one session in another', async () => {
    const attacker = await signIn('attacker')
    const victim = await signIn('victim')
    const former = await place.read(attacker.id)
    const { wraps, body } = await place.read(victim.id)
    for (const changes of [{ wraps }, { body }, { wraps, body }]) {
      await edit(attacker.id, changes)
      expect(await reasonOf(attacker.ticket), Object.keys(changes).join()).toBe('tampered')
      await place.write(attacker.id, former)
      expect(await reasonOf(attacker.ticket)).toBe('opened')
    }
  })

  it('T-SESSION-06 refuses a session under another id', async () => {
    const attacker = await signIn('attacker')
    const victim = await signIn('victim')
    await place.move(victim.id, attacker.id)
    expect(await reasonOf(attacker.ticket)).toBe('tampered')
    expect(await reasonOf(grafted(victim.ticket, attacker.id))).toBe('tampered')
  })

  it('T-SESSION-06 refuses a second wrap beside the first', async () => {
    const attacker = await signIn('attacker')
    const victim = await signIn('victim')
    const [one, other] = [await place.read(attacker.id), await place.read(victim.id)]
    await edit(victim.id, { wraps: [...one.wraps, ...other.wraps] })
    expect(await reasonOf(victim.ticket)).toBe('opened')
    expect(await reasonOf(grafted(attacker.ticket, victim.id))).toBe('tampered')
  })

  it('T-SESSION-06 refuses edited words that find or date a session', async () => {
    const { ticket, id } = await signIn()
    const former = await place.read(id)
    const { sidKey: _, ...withoutSid } = former
    const edits: readonly (readonly [string, StoredSession])[] = [
      ['version 2', { ...former, version: 2 }],
      ['version 0', { ...former, version: 0 }],
      ['a later beginning', { ...former, createdAt: Date.now() + 9e12 }],
      ['no beginning', { ...former, createdAt: 0 }],
      ['another person', { ...former, subjectKey: 'another' }],
      ['another session at the provider', { ...former, sidKey: 'another' }],
      ['no session at the provider', withoutSid],
    ]
    for (const [what, forged] of edits) {
      await place.write(id, forged)
      expect(await reasonOf(ticket), what).toBe('tampered')
      await place.write(id, former)
    }
    expect(await reasonOf(ticket)).toBe('opened')
  })

  it('T-SESSION-06 cannot move the absolute end: it lies in the seal', async () => {
    const { ticket, id } = await signIn()
    const far = Date.now() + 9e12
    await edit(id, { expiresAt: far, lastSeenAt: far })
    const loaded = await sessions().load(ticket)
    if (!loaded.ok) throw new Error(loaded.reason)
    expect(loaded.session.absoluteEndsAt).toBeLessThanOrEqual(Date.now() + 43_200_000)
    expect(loaded.session.idleEndsAt).toBeLessThanOrEqual(Date.now() + 43_200_000)
    expect(loaded.session.id).toBe(id)
    const later = sessions({ clock: () => Date.now() + 43_200_001 })
    expect(await reasonOf(ticket, later)).toBe('absolute_timeout')
  })

  it('T-SESSION-06 refuses every flipped bit and every truncation of body and wrap', async () => {
    const { ticket, id } = await signIn()
    const former = await place.read(id)
    const { wraps, body } = former
    const [wrap = new Uint8Array(0)] = wraps
    const tries: Partial<StoredSession>[] = []
    for (let bit = 0; bit < wrap.length * 8; bit += 1) tries.push({ wraps: [flipped(wrap, bit)] })
    for (let bit = 0; bit < body.length * 8; bit += 97) tries.push({ body: flipped(body, bit) })
    for (let end = 0; end < wrap.length; end += 1) tries.push({ wraps: [wrap.subarray(0, end)] })
    for (let end = 0; end < body.length; end += 97) tries.push({ body: body.subarray(0, end) })
    for (const [index, changes] of tries.entries()) {
      await place.write(id, { ...former, ...changes })
      expect(await reasonOf(ticket), `${index}`).not.toBe('opened')
    }
    await place.write(id, former)
    expect(await reasonOf(ticket)).toBe('opened')
  })

  it('T-SESSION-06 opens no session of another site, issuer or client behind the same ring', async () => {
    const { ticket } = await signIn()
    for (const other of [
      { site: 'https://b.example' },
      { issuer: 'https://other-idp.example' },
      { clientId: 'client-b' },
    ]) {
      expect(await reasonOf(ticket, sessions(other))).toBe('tampered')
    }
    expect(await reasonOf(ticket)).toBe('opened')
  })

  it('T-SESSION-06 a holder of the ring without the ticket opens no body', async () => {
    const { ticket, id } = await signIn()
    const stored = await place.read(id)
    const records = createRecords(ring(), BINDING, systemRandom)
    for (let round = 0; round < 50; round += 1) {
      const opened = records.open(stored, { id, secret: systemRandom(32) })
      expect(opened).toEqual({ ok: false, reason: 'tampered' })
    }
    expect(await reasonOf(ticket)).toBe('opened')
  })
}
