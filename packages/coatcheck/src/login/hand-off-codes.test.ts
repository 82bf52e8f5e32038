import { describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../core/bytes.ts'
import { systemRandom } from '../core/random.ts'
import { createKeyRing, type KeyRing } from '../ring/key-ring.ts'
import { generateKeyRing } from '../ring/ring-file.ts'
import { sha256Base64url } from '../ring/sha256.ts'
import type { SessionStore } from '../sessions/session-store.ts'
import { memoryStore } from '../sessions/stores/memory.ts'
import { CODE_SECONDS, createHandOffCodes } from './hand-off-codes.ts'

const TARGET = 'https://shop.example'
const VERIFIER = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'
const CONTENTS = {
  target: TARGET,
  challenge: sha256Base64url(VERIFIER),
  sessionId: 'session',
  link: 'link',
  handle: 'handle',
  issuer: 'https://idp.example',
  subject: 'ada',
}
const BY = { target: TARGET, verifier: VERIFIER }

function setUp(
  options: { readonly store?: SessionStore; readonly site?: string; readonly ring?: KeyRing } = {},
) {
  let now = 1_800_000_000_000
  const clock = () => now
  const store = options.store ?? memoryStore({ clock })
  const ring = options.ring ?? createKeyRing(generateKeyRing())
  const { site = 'https://app.example' } = options
  const codes = createHandOffCodes({ ring, site, store, clock, random: systemRandom })
  const pass = (ms: number): void => {
    now += ms
  }
  return { codes, store, ring, pass }
}

describe('T-CROSS-01 a hand-off code', () => {
  it('gives what it stands for to its target, with the verifier of the browser that asked', async () => {
    const { codes } = setUp()
    const code = await codes.make(CONTENTS)
    expect(code).toMatch(/^[\w-]{64}$/)
    expect(await codes.redeem(code, BY)).toEqual({ ok: true, contents: CONTENTS })
  })

  it('makes the challenge as RFC 7636 does', () => {
    expect(sha256Base64url(VERIFIER)).toBe('E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM')
  })

  it('is good for one of a thousand that redeem it at once', async () => {
    const { codes } = setUp()
    const code = await codes.make(CONTENTS)
    const all = await Promise.all(Array.from({ length: 1000 }, () => codes.redeem(code, BY)))
    expect(all.filter(({ ok }) => ok)).toHaveLength(1)
    expect(new Set(all.map((each) => (each.ok ? 'ok' : each.reason)))).toEqual(
      new Set(['ok', 'unknown']),
    )
  })

  it('is good for half a minute', async () => {
    const { codes, pass } = setUp()
    const [soon, late] = [await codes.make(CONTENTS), await codes.make(CONTENTS)]
    pass(CODE_SECONDS * 1000 - 1)
    expect((await codes.redeem(soon, BY)).ok).toBe(true)
    pass(1)
    expect(await codes.redeem(late, BY)).toEqual({ ok: false, reason: 'unknown' })
  })

  it.each([
    ['wrong_target', { ...BY, target: 'https://evil.test' }],
    ['wrong_browser', { ...BY, verifier: 'another' }],
    ['wrong_browser', { ...BY, verifier: '' }],
  ])('is used up by what is refused as %s', async (reason, by) => {
    const { codes } = setUp()
    const code = await codes.make(CONTENTS)
    expect(await codes.redeem(code, by)).toEqual({ ok: false, reason })
    expect(await codes.redeem(code, BY)).toEqual({ ok: false, reason: 'unknown' })
  })

  it('opens with its own secret, ring and site alone', async () => {
    const { codes, store, ring } = setUp()
    const code = await codes.make(CONTENTS)
    const other = code.slice(0, 43) + (code[43] === 'A' ? 'B' : 'A') + code.slice(44)
    expect(await codes.redeem(other, BY)).toEqual({ ok: false, reason: 'tampered' })
    const others = [setUp({ store }), setUp({ store, ring, site: 'https://other.example' })]
    for (const { codes: theirs } of others) {
      const stolen = await codes.make(CONTENTS)
      expect(await theirs.redeem(stolen, BY)).toEqual({ ok: false, reason: 'tampered' })
    }
  })

  it('says nothing of whom it names to who reads the store', async () => {
    const { codes, store } = setUp()
    const seen: Uint8Array[] = []
    const watched = createHandOffCodes({
      ring: createKeyRing(generateKeyRing()),
      site: 'https://app.example',
      store: {
        ...store,
        putBlob: (key, bytes, expiresAt) => {
          seen.push(bytes)
          return store.putBlob(key, bytes, expiresAt)
        },
      },
      clock: () => Date.now(),
      random: systemRandom,
    })
    await watched.make({ ...CONTENTS, subject: 'canary-subject', handle: 'canary-handle' })
    expect(seen).toHaveLength(1)
    expect(Buffer.from(seen[0] ?? []).includes('canary')).toBe(false)
    expect(await codes.redeem('', BY)).toEqual({ ok: false, reason: 'malformed' })
  })

  it.each([
    ['what it stands for, in the clear', (id: string) => `${id}${JSON.stringify(CONTENTS)}`],
    ['nothing', () => ''],
    ['a key id alone', (id: string) => id],
    ['the id of a key that is not there', () => 'AAAAAAAAxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'],
  ])('is not opened where somebody wrote %s into the store', async (_, forged) => {
    const { store, ring } = setUp()
    const takeBlob = async () => encodeUtf8(forged(ring.current.id))
    const codes = createHandOffCodes({
      ...{ ring, site: 'https://app.example', clock: () => 0, random: systemRandom },
      store: { ...store, takeBlob },
    })
    const code = await codes.make(CONTENTS)
    expect(await codes.redeem(code, BY)).toEqual({ ok: false, reason: 'tampered' })
  })
})
