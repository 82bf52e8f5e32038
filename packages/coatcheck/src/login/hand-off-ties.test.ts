import { describe, expect, it } from 'vitest'
import { systemRandom } from '../core/random.ts'
import type { Fetch } from '../provider/bounded-fetch.ts'
import { createKeyRing } from '../ring/key-ring.ts'
import { generateKeyRing } from '../ring/ring-file.ts'
import type { SessionStore } from '../sessions/session-store.ts'
import { memoryStore } from '../sessions/stores/memory.ts'
import { createLetters } from './hand-off-letters.ts'
import { createHandOffTies, type HandOffTieEvent } from './hand-off-ties.ts'

const APP = 'https://app.example'
const SHOP = 'https://shop.example'
const LATER = Number.MAX_SAFE_INTEGER

function setUp(options: { readonly store?: SessionStore } = {}) {
  const ring = createKeyRing(generateKeyRing())
  const clock = () => Date.now()
  const events: HandOffTieEvent[] = []
  const told: string[] = []
  const waits: number[] = []
  const wire = { isCut: false }

  function side(origin: string, other: string, store: SessionStore) {
    const fetch: Fetch = async (_, init) => {
      if (wire.isCut) throw new Error('cut')
      return deliver(other, new Headers(init.headers).get('authorization') ?? '')
    }
    const letters = createLetters({ origin, fetch, clock, random: systemRandom })
    const ties = createHandOffTies({
      ...{ letters, store, clock },
      partners: [{ origin: other, ring }],
      onEvent: (event) => events.push(event),
      wait: async (ms) => void waits.push(ms),
    })
    return { letters, ties }
  }

  async function deliver(to: string, authorization: string): Promise<Response> {
    const [{ letters, ties }, from] = to === APP ? [app, SHOP] : [shop, APP]
    const letter = letters.open('ended', { origin: from, ring }, authorization)
    if (letter === undefined) return new Response('{}', { status: 403 })
    const ended = await ties.partnerEnded(from, letter.contents.link ?? '')
    told.push(`${to}: ${ended}`)
    return new Response(letter.answer({}).body)
  }

  const app = side(APP, SHOP, options.store ?? memoryStore({ clock }))
  const shop = side(SHOP, APP, memoryStore({ clock }))
  return { app: app.ties, shop: shop.ties, events, told, waits, wire }
}

describe('sessions that are tied', () => {
  it('end together when one is signed out, and it is not told back', async () => {
    const { app, shop, told } = setUp()
    expect(await app.tie('in-app', SHOP, 'link', LATER)).toBe(true)
    expect(await shop.tie('in-shop', APP, 'link', LATER)).toBe(true)
    app.sessionEnded('in-app', 'signed_out')
    await app.settle()
    shop.sessionEnded('in-shop', 'signed_out_elsewhere')
    await shop.settle()
    expect(told).toEqual([`${SHOP}: in-shop`])
  })

  it.each([
    'signed_out',
    'replaced',
    'ended_by_user',
    'ended_by_operator',
    'provider_signed_out',
  ] as const)('end together for %s', async (reason) => {
    const { app, shop, told } = setUp()
    await app.tie('in-app', SHOP, 'link', LATER)
    await shop.tie('in-shop', APP, 'link', LATER)
    shop.sessionEnded('in-shop', reason)
    await shop.settle()
    expect(told).toEqual([`${APP}: in-app`])
  })

  it.each(['idle_timeout', 'absolute_timeout', 'renewal_refused'] as const)(
    'do not for %s',
    async (reason) => {
      const { app, told } = setUp()
      await app.tie('in-app', SHOP, 'link', LATER)
      app.sessionEnded('in-app', reason)
      await app.settle()
      expect(told).toEqual([])
    },
  )

  it('tell nobody where there is no tie', async () => {
    const { app, told, events } = setUp()
    app.sessionEnded('in-app', 'signed_out')
    await app.settle()
    expect([told, events]).toEqual([[], []])
  })

  it('cannot be tied to one that was signed out in the meantime', async () => {
    const { app, shop } = setUp()
    await app.tie('in-app', SHOP, 'link', LATER)
    app.sessionEnded('in-app', 'signed_out')
    await app.settle()
    expect(await shop.tie('in-shop', APP, 'link', LATER)).toBe(false)
  })

  it('stay tied when the person signs in once more', async () => {
    const { app, shop, told } = setUp()
    await app.tie('in-app', SHOP, 'link', LATER)
    await shop.tie('in-shop', APP, 'link', LATER)
    await app.move('in-app', 'again', LATER)
    app.sessionEnded('in-app', 'replaced')
    await app.settle()
    expect(told).toEqual([])
    app.sessionEnded('again', 'signed_out')
    await app.settle()
    expect(told).toEqual([`${SHOP}: in-shop`])
  })

  it('are told of again when the partner does not answer, and then it is said', async () => {
    const { app, events, waits, wire } = setUp()
    await app.tie('in-app', SHOP, 'link', LATER)
    wire.isCut = true
    app.sessionEnded('in-app', 'signed_out')
    await app.settle()
    expect(waits).toEqual([1000, 5000])
    expect(events).toEqual([
      { type: 'hand_off.sign_out_not_told', partner: SHOP, code: 'hand_off_unavailable' },
    ])
  })

  it('are not forgotten in silence when the store does not answer', async () => {
    const store: SessionStore = {
      ...memoryStore(),
      takeBlob: () => Promise.reject(new Error('away')),
    }
    const { app, events } = setUp({ store })
    app.sessionEnded('in-app', 'signed_out')
    await app.settle()
    expect(events).toEqual([
      { type: 'hand_off.sign_out_not_told', partner: SHOP, code: 'store_unavailable' },
    ])
  })
})
