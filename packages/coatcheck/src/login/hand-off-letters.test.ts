import { describe, expect, it } from 'vitest'
import { systemRandom } from '../core/random.ts'
import type { Fetch } from '../provider/bounded-fetch.ts'
import { createKeyRing } from '../ring/key-ring.ts'
import { generateKeyRing } from '../ring/ring-file.ts'
import { createLetters, type LetterKind } from './hand-off-letters.ts'
import type { HandOffPartner } from './hand-off-options.ts'

const APP = 'https://app.example'
const SHOP = 'https://shop.example'

function setUp() {
  let now = 1_800_000_000_000
  const ring = createKeyRing(generateKeyRing())
  const sent: string[] = []
  const seen: { readonly address: string; readonly authorization: string }[] = []
  let change = (text: string): string => text
  const partner = (origin: string): HandOffPartner => ({ origin, ring })
  const base = { clock: () => now, random: systemRandom }
  const app = createLetters({ ...base, origin: APP, fetch: undefined })
  // The wire between them, as it comes: what arrives is opened by the other side's own code.
  const fetch: Fetch = async (address, init) => {
    const authorization = new Headers(init.headers).get('authorization') ?? ''
    seen.push({ address, authorization })
    const kind = new URL(address).pathname.split('/').at(-1) as LetterKind
    const letter = app.open(kind, partner(SHOP), authorization)
    const answer = letter?.answer({ echo: letter.contents.word ?? '' })
    if (answer === undefined) return new Response('{}', { status: 403 })
    sent.push(answer.body ?? '')
    return new Response(change(answer.body ?? ''))
  }
  const shop = createLetters({ ...base, origin: SHOP, fetch })
  return {
    ...{ app, shop, ring, partner, seen, sent },
    pass: (ms: number): void => {
      now += ms
    },
    onWire: (changed: (text: string) => string): void => {
      change = changed
    },
  }
}

describe('a letter between two servers', () => {
  it('arrives, and is answered', async () => {
    const { shop, partner, seen } = setUp()
    expect(await shop.send(partner(APP), 'redeem', { word: 'hello' })).toMatchObject({
      echo: 'hello',
    })
    expect(seen[0]?.address).toBe(
      `${APP}/auth/hand-off/redeem?client_id=${encodeURIComponent(SHOP)}`,
    )
    expect(seen[0]?.authorization).toMatch(/^HandOff [\w-]+$/)
  })

  it('is good for its kind, its direction and its ring alone', async () => {
    const { app, shop, partner, seen } = setUp()
    await shop.send(partner(APP), 'redeem', { word: 'hello' })
    const { authorization = '' } = seen[0] ?? {}
    expect(app.open('redeem', partner(SHOP), authorization)?.contents.word).toBe('hello')
    expect(app.open('ended', partner(SHOP), authorization)).toBeUndefined()
    expect(app.open('redeem', partner(APP), authorization)).toBeUndefined()
    expect(shop.open('redeem', partner(APP), authorization)).toBeUndefined()
    const stranger = { origin: SHOP, ring: createKeyRing(generateKeyRing()) }
    expect(app.open('redeem', stranger, authorization)).toBeUndefined()
    expect(app.open('redeem', undefined, authorization)).toBeUndefined()
    expect(app.open('redeem', partner(SHOP), undefined)).toBeUndefined()
    expect(app.open('redeem', partner(SHOP), authorization.replace('HandOff', 'Bearer'))).toBe(
      undefined,
    )
  })

  it.each([60_001, -60_001])('is refused when it is %i ms old', async (ms) => {
    const { app, shop, partner, seen, pass } = setUp()
    await shop.send(partner(APP), 'redeem', {})
    pass(ms)
    expect(app.open('redeem', partner(SHOP), seen[0]?.authorization)).toBeUndefined()
  })

  it('takes no answer but that to this very letter', async () => {
    const { shop, partner, sent, onWire } = setUp()
    await shop.send(partner(APP), 'redeem', { word: 'first' })
    onWire(() => sent[0] ?? '')
    const refused = { code: 'hand_off_refused' }
    await expect(shop.send(partner(APP), 'redeem', { word: 'second' })).rejects.toMatchObject(
      refused,
    )
    for (const answer of ['', 'null', '{}', '{"letter":1}', '{"letter":"AAAA"}', '[]']) {
      onWire(() => answer)
      await expect(shop.send(partner(APP), 'redeem', {})).rejects.toMatchObject(refused)
    }
  })

  it.each([
    [403, 'hand_off_code_refused', '{"code":"hand_off_code_refused"}'],
    [503, 'hand_off_unavailable'],
    [429, 'hand_off_unavailable'],
    [403, 'hand_off_refused'],
    [302, 'hand_off_refused'],
    [0, 'hand_off_unavailable'],
  ])('that is answered %i is %s', async (status, code, body: string | null = null) => {
    const { ring } = setUp()
    const fetch: Fetch = async () => {
      if (status === 0) throw new Error('no way there')
      return new Response(body, { status })
    }
    const options = { origin: SHOP, fetch, clock: () => 0, random: systemRandom }
    const sending = createLetters(options).send({ origin: APP, ring }, 'ended', {})
    await expect(sending).rejects.toMatchObject({ code })
  })
})
