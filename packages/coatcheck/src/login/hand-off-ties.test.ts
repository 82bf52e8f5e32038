import { describe, expect, it } from 'vitest'
import { systemRandom } from '../core/random.ts'
import type { Fetch } from '../provider/bounded-fetch.ts'
import { createKeyRing } from '../ring/key-ring.ts'
import { generateKeyRing } from '../ring/ring-file.ts'
import type { Session } from '../sessions/session.ts'
import type { SessionStore } from '../sessions/session-store.ts'
import type { HandedOver, SessionTies } from '../sessions/session-ties.ts'
import { createSessions } from '../sessions/sessions.ts'
import { memoryStore } from '../sessions/stores/memory.ts'
import { restoreVerifiedTokenSet } from '../tokens/restore-verified.ts'
import { createLetters } from './hand-off-letters.ts'
import { createHandOffTies, type HandOffTieEvent } from './hand-off-ties.ts'

const APP = 'https://app.example'
const SHOP = 'https://shop.example'
const CLUB = 'https://club.example'
const BINDING = { issuer: 'https://idp.example', clientId: 'app' }

function tokens(subject: string) {
  return restoreVerifiedTokenSet({
    ...BINDING,
    subject,
    accessToken: 'access',
    tokenType: 'Bearer',
    accessTokenKind: 'opaque',
    claims: { sub: subject },
  })
}

/** Sites with sessions of their own, on one wire: what one posts, another's own code opens and answers. */
function setUp({ names = [SHOP], cut = [] as readonly string[], store = memoryStore() } = {}) {
  const events: HandOffTieEvent[] = []
  const waits: number[] = []
  const told: string[] = []
  const rings = new Map(names.map((name) => [name, createKeyRing(generateKeyRing())]))
  const ringWith = (name: string) => rings.get(name) ?? createKeyRing(generateKeyRing())
  const sites = new Map<string, ReturnType<typeof site>>()

  function site(origin: string, kept: SessionStore) {
    const ring = createKeyRing(generateKeyRing())
    const fetch: Fetch = async (address, init) => {
      const to = new URL(address).origin
      if (cut.includes(to)) throw new Error('cut')
      const letter = new Headers(init.headers).get('authorization') ?? ''
      return sites.get(to)?.receive(origin, letter) ?? new Response('{}', { status: 404 })
    }
    const letters = createLetters({ origin, fetch, clock: Date.now, random: systemRandom })
    const partners = names.map((name) => ({ origin: name, ring: ringWith(name) }))
    const ties = createHandOffTies({
      ...{ origin, ring, letters, store: kept, random: systemRandom },
      to: origin === APP ? partners : [],
      from: origin === APP ? [] : [{ origin: APP, ring: ringWith(origin) }],
      onEvent: (event) => events.push(event),
      wait: async (ms) => {
        waits.push(ms)
      },
    })
    const sessions = createSessions({
      ...{ ...BINDING, site: origin, ring, store: kept },
      onEnded: ties.sessionEnded,
    })
    async function receive(sender: string, authorization: string): Promise<Response> {
      const partner = { origin: sender, ring: ringWith(sender === APP ? origin : sender) }
      const letter = letters.open('ended', partner, authorization)
      if (letter === undefined) return new Response('{}', { status: 403 })
      told.push(`${sender} -> ${origin}`)
      await ties.partnerEnded(sender, letter.contents, sessions)
      return new Response(letter.answer({}).body)
    }
    const create = async (subject: string, about?: SessionTies) =>
      (await sessions.create({ tokenSet: tokens(subject), ...(about && { ties: about }) })).session
    return { ties, sessions, create, receive }
  }

  sites.set(APP, site(APP, store))
  for (const name of names) sites.set(name, site(name, memoryStore()))
  const at = (origin: string) => {
    const found = sites.get(origin)
    if (found === undefined) throw new Error(origin)
    return found
  }
  const handOver = (session: Session, to = SHOP): HandedOver => {
    const { subject } = session.tokenSet
    return { source: APP, ...at(APP).ties.namesFor(to, { subject, lineage: session.id }) }
  }
  const settle = async () => {
    for (const { ties } of sites.values()) await ties.settle()
    for (const { ties } of sites.values()) await ties.settle()
  }
  const living = async (origin: string, subject = 'ada') =>
    (await at(origin).sessions.list(subject)).length
  return { at, handOver, settle, living, events, waits, told }
}

describe('sessions of two sites that are tied', () => {
  it('end at the target when one signs out at the source, and it is not told back', async () => {
    const { at, handOver, settle, living, told } = setUp()
    const session = await at(APP).create('ada')
    await at(SHOP).create('ada', { from: handOver(session) })
    await at(APP).sessions.end(session, 'signed_out')
    await settle()
    expect([await living(SHOP), told]).toEqual([0, [`${APP} -> ${SHOP}`]])
  })

  it('end at the source when one signs out at the target, and it is not told back', async () => {
    const { at, handOver, settle, living, told } = setUp()
    const session = await at(APP).create('ada')
    const taken = await at(SHOP).create('ada', { from: handOver(session) })
    await at(SHOP).sessions.end(taken, 'signed_out')
    await settle()
    expect([await living(APP), told]).toEqual([0, [`${SHOP} -> ${APP}`]])
  })

  it('end all, however often the session was handed over', async () => {
    const { at, handOver, settle, living } = setUp()
    const session = await at(APP).create('ada')
    for (let times = 0; times < 3; times += 1) {
      await at(SHOP).create('ada', { from: handOver(session) })
    }
    await at(APP).sessions.end(session, 'signed_out')
    await settle()
    expect(await living(SHOP)).toBe(0)
  })

  it('end at every site, by way of the source', async () => {
    const { at, handOver, settle, living } = setUp({ names: [SHOP, CLUB] })
    const session = await at(APP).create('ada')
    const taken = await at(SHOP).create('ada', { from: handOver(session) })
    await at(CLUB).create('ada', { from: handOver(session, CLUB) })
    await at(SHOP).sessions.end(taken, 'signed_out')
    await settle()
    expect([await living(APP), await living(CLUB)]).toEqual([0, 0])
  })

  it('leave others of the same person alone', async () => {
    const { at, handOver, settle, living } = setUp()
    const [session, other] = [await at(APP).create('ada'), await at(APP).create('ada')]
    await at(SHOP).create('ada', { from: handOver(session) })
    await at(SHOP).create('ada', { from: handOver(other) })
    await at(SHOP).create('ada')
    await at(APP).sessions.end(session, 'signed_out')
    await settle()
    expect([await living(APP), await living(SHOP)]).toEqual([1, 2])
  })

  it('stay tied when the person signs in once more at either site', async () => {
    const { at, handOver, settle, living } = setUp()
    const session = await at(APP).create('ada')
    const from = handOver(session)
    const taken = await at(SHOP).create('ada', { from })
    await at(SHOP).create('ada', { from, lineage: taken.id })
    await at(SHOP).ties.inheriting(taken.id, () => at(SHOP).sessions.end(taken, 'replaced'))
    const again = await at(APP).create('ada', { lineage: session.id })
    await at(APP).ties.inheriting(session.id, () => at(APP).sessions.end(session, 'replaced'))
    await settle()
    expect([await living(APP), await living(SHOP)]).toEqual([1, 1])
    await at(APP).sessions.end(again, 'signed_out')
    await settle()
    expect(await living(SHOP)).toBe(0)
  })

  it.each(['replaced', 'ended_by_user', 'ended_by_operator', 'provider_signed_out'] as const)(
    'end together for %s',
    async (reason) => {
      const { at, handOver, settle, living } = setUp()
      const session = await at(APP).create('ada')
      await at(SHOP).create('ada', { from: handOver(session) })
      await at(APP).sessions.end(session, reason)
      await settle()
      expect(await living(SHOP)).toBe(0)
    },
  )

  it.each(['idle_timeout', 'absolute_timeout', 'renewal_refused'] as const)(
    'do not for %s',
    async (reason) => {
      const { at, handOver, settle, living, told } = setUp()
      const session = await at(APP).create('ada')
      await at(SHOP).create('ada', { from: handOver(session) })
      await at(APP).sessions.end(session, reason)
      await settle()
      expect([await living(SHOP), told]).toEqual([1, []])
    },
  )

  it('end with all sessions of a person whom an operator ends', async () => {
    const { at, handOver, settle, living } = setUp()
    for (let times = 0; times < 3; times += 1) {
      const session = await at(APP).create('ada')
      await at(SHOP).create('ada', { from: handOver(session) })
    }
    await at(APP).sessions.endAll('ada', 'ended_by_operator')
    await settle()
    expect(await living(SHOP)).toBe(0)
  })
})

describe('a sign-in that was under way when its source was signed out', () => {
  it('learns of it, each of several, and as often as it asks', async () => {
    const { at, handOver, settle } = setUp()
    const session = await at(APP).create('ada')
    const { link } = handOver(session)
    const { ties } = at(SHOP)
    expect(await ties.isEnded(link)).toBe(false)
    await at(APP).sessions.end(session, 'signed_out')
    await settle()
    const asked = [link, link, link].map((each) => ties.isEnded(each))
    expect(await Promise.all(asked)).toEqual([true, true, true])
  })

  it('is not hindered by others that ask at the same moment', async () => {
    const { at, handOver } = setUp()
    const { link } = handOver(await at(APP).create('ada'))
    const asked = Array.from({ length: 8 }, () => at(SHOP).ties.isEnded(link))
    expect(await Promise.all(asked)).toEqual(asked.map(() => false))
  })

  it('never outlives it, whichever comes first', async () => {
    for (let round = 0; round < 20; round += 1) {
      const { at, handOver, settle, living } = setUp()
      const session = await at(APP).create('ada')
      const from = handOver(session)
      const signIn = async () => {
        const taken = await at(SHOP).create('ada', { from })
        if (await at(SHOP).ties.isEnded(from.link)) {
          await at(SHOP).sessions.end(taken, 'signed_out_elsewhere')
        }
      }
      await Promise.all([signIn(), at(APP).sessions.end(session, 'signed_out'), signIn()])
      await settle()
      expect(await living(SHOP)).toBe(0)
    }
  })
})

describe('a partner', () => {
  it('that does not answer is told again, and then it is said', async () => {
    const { at, settle, events, waits } = setUp({ cut: [SHOP] })
    await at(APP).sessions.end(await at(APP).create('ada'), 'signed_out')
    await settle()
    expect(waits).toEqual([1000, 5000])
    expect(events).toEqual([
      { type: 'hand_off.sign_out_not_told', partner: SHOP, code: 'hand_off_unavailable' },
    ])
  })

  it('that does not answer keeps no other from being told', async () => {
    const { at, handOver, settle, living } = setUp({ names: [SHOP, CLUB], cut: [SHOP] })
    const session = await at(APP).create('ada')
    await at(CLUB).create('ada', { from: handOver(session, CLUB) })
    await at(APP).sessions.end(session, 'signed_out')
    await settle()
    expect(await living(CLUB)).toBe(0)
  })

  it('is told although our own store does not answer', async () => {
    const store = memoryStore()
    const isAway = { value: false }
    const failing: SessionStore = {
      ...store,
      delete: (...call) => {
        if (isAway.value) throw new Error('away')
        return store.delete(...call)
      },
    }
    const { at, handOver, settle, living } = setUp({ store: failing })
    const session = await at(APP).create('ada')
    await at(SHOP).create('ada', { from: handOver(session) })
    isAway.value = true
    await expect(at(APP).sessions.end(session, 'signed_out')).rejects.toThrow()
    await settle()
    expect(await living(SHOP)).toBe(0)
  })

  it('ends nothing but what came from it or went to it', async () => {
    const { at, handOver, living } = setUp({ names: [SHOP, CLUB] })
    const session = await at(APP).create('ada')
    const from = handOver(session)
    await at(SHOP).create('ada', { from })
    // The club speaks to the source with a name that was made for the shop.
    await at(APP).ties.partnerEnded(CLUB, { handle: from.handle }, at(APP).sessions)
    await at(SHOP).ties.partnerEnded(CLUB, { subject: 'ada', links: from.link }, at(SHOP).sessions)
    for (const links of ['', 'x', ' ', '__proto__', from.link.slice(1), `${from.link}x`]) {
      await at(SHOP).ties.partnerEnded(APP, { subject: 'ada', links }, at(SHOP).sessions)
    }
    await at(APP).ties.partnerEnded(SHOP, { handle: 'forged' }, at(APP).sessions)
    expect([await living(APP), await living(SHOP)]).toEqual([1, 1])
  })
})
