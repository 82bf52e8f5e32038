import { describe, expect, it } from 'vitest'
import { Secret } from '../core/secret.ts'
import { createDpopNonces } from './dpop-nonces.ts'

const START = 1_800_000_000_000
const secret = new Secret(new Uint8Array(32).fill(9))

function scene(extra: Parameters<typeof createDpopNonces>[0] = {}) {
  let nowMs = START
  const nonces = createDpopNonces({ secret, clock: () => nowMs, ...extra })
  return {
    ...nonces,
    at: (seconds: number) => {
      nowMs = START + seconds * 1000
    },
  }
}

describe('createDpopNonces', () => {
  it('T-BIND-05 accepts a nonce for half of its lifetime at least, and never beyond it', async () => {
    const { current, accepts, at } = scene()
    const nonce = await current()
    for (const seconds of [0, 149, 150, 299]) {
      at(seconds)
      expect(await accepts(nonce), `${seconds}`).toBe(true)
    }
    for (const seconds of [300, 301, 3000, -1, -151]) {
      at(seconds)
      expect(await accepts(nonce), `${seconds}`).toBe(false)
    }
    at(149)
    const late = await current()
    expect(late).toBe(nonce)
    at(150)
    expect(await current()).not.toBe(nonce)
  })

  it('takes the lifetime that it is given', async () => {
    const { current, accepts, at } = scene({ lifetimeSeconds: 20 })
    const nonce = await current()
    at(19)
    expect(await accepts(nonce)).toBe(true)
    at(20)
    expect(await accepts(nonce)).toBe(false)
  })

  it('is one for all processes with one secret', async () => {
    const [one, other] = [scene(), scene()]
    const nonce = await one.current()
    expect(await other.current()).toBe(nonce)
    other.at(200)
    expect(await other.accepts(nonce)).toBe(true)
  })

  it('T-BIND-05 refuses the nonces of another secret, or of another lifetime', async () => {
    const { accepts } = scene()
    const others = [
      scene({ secret: new Secret(new Uint8Array(32).fill(8)) }),
      createDpopNonces({ clock: () => START }),
      scene({ lifetimeSeconds: 600 }),
      // The same number of steps since 1970, of another length.
      scene({ lifetimeSeconds: 600, clock: () => START * 2 }),
    ]
    const nonces = await Promise.all(others.map((other) => other.current()))
    expect(new Set(nonces).size).toBe(4)
    for (const nonce of nonces) expect(await accepts(nonce)).toBe(false)
  })

  it('T-BIND-05 refuses what is none', async () => {
    const { current, accepts } = scene()
    const nonce = await current()
    const changed = nonce.startsWith('A') ? `B${nonce.slice(1)}` : `A${nonce.slice(1)}`
    for (const text of ['', changed, nonce.slice(1), `${nonce}A`, `${nonce}=`, ` ${nonce}`]) {
      expect(await accepts(text)).toBe(false)
    }
  })

  it('is a header value of RFC 9449, 8.1', async () => {
    expect(await scene().current()).toMatch(/^[\x21\x23-\x5b\x5d-\x7e]{16,64}$/)
  })

  it('T-BIND-05 takes a secret of 32 random bytes by itself', async () => {
    const [one, other] = [createDpopNonces(), createDpopNonces()]
    expect(await one.current()).not.toBe(await other.current())
    expect(await one.accepts(await one.current())).toBe(true)
  })

  it('refuses a short secret and a lifetime that is none, both at once', () => {
    const short = new Secret(new Uint8Array(31))
    const make = () => createDpopNonces({ secret: short, lifetimeSeconds: Number.NaN })
    expect(make).toThrow(/secret.*lifetimeSeconds/)
    for (const lifetimeSeconds of [0, 1, -5, 1.5, 86_401, Number.POSITIVE_INFINITY]) {
      expect(() => createDpopNonces({ lifetimeSeconds })).toThrow(/lifetimeSeconds/)
    }
  })

  it('has another one in each half of a lifetime', async () => {
    const { current, accepts, at } = scene()
    const nonces = new Set<string>()
    for (let step = 0; step < 100; step += 1) {
      at(step * 150)
      nonces.add(await current())
      expect(await accepts(await current())).toBe(true)
    }
    expect(nonces.size).toBe(100)
  })
})
