import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { anyTokenSet } from '../../../../test/support/arbitrary-contents.ts'
import { cookieJar } from '../../../../test/support/cookie-jar.ts'
import {
  BINDING,
  manualClock,
  newRing,
  START,
  tokenSet,
} from '../../../../test/support/session-fixture.ts'
import { encodeBase64url } from '../core/bytes.ts'
import { systemRandom } from '../core/random.ts'
import { createKeyRing, type KeyRing } from '../ring/key-ring.ts'
import { generateKeyRing } from '../ring/ring-file.ts'
import { tokenSetData } from '../tokens/verified-token-set.ts'
import {
  createSealedCookies,
  type OpenedCookie,
  type SealedCookiesOptions,
} from './sealed-cookie.ts'

const NAME = '__Host-Http-coatcheck'
const ID = 'ABCDEFGHIJKLMNOPQRSTUA'
const ATTRIBUTES = { secure: true, httpOnly: true, sameSite: 'Strict', path: '/' } as const
const { clock, pass } = manualClock()

function cookiesOf(options: Partial<SealedCookiesOptions> = {}) {
  return createSealedCookies({
    ...BINDING,
    ring: newRing(),
    name: NAME,
    attributes: ATTRIBUTES,
    clock,
    random: systemRandom,
    budgetBytes: 100_000,
    ...options,
  })
}

type Cookies = ReturnType<typeof cookiesOf>

/** Contents that random bytes make so large. */
function contentsOf(bytes: number) {
  const refreshToken = encodeBase64url(systemRandom(bytes))
  return {
    id: ID,
    tokenSet: tokenSet({ refreshToken }),
    createdAt: START,
    absoluteEndsAt: START + 43_200_000,
  }
}

function sealed(cookies: Cookies, bytes: number, request = cookies.open(undefined)) {
  const contents = contentsOf(bytes)
  const result = cookies.seal(contents, request)
  if (!result.ok) throw new Error(result.reason)
  return { setCookies: result.setCookies, refreshToken: contents.tokenSet.refreshToken }
}

const refreshTokenOf = (opened: OpenedCookie): string =>
  opened.ok ? (opened.contents.tokenSet.refreshToken ?? '') : opened.reason

describe('createSealedCookies', () => {
  it('gives back any session, in one cookie or many', () => {
    const all = (['never', 'to_save_a_cookie', 'always'] as const).map((deflate) =>
      cookiesOf({ deflate }),
    )
    const padding = fc.nat({ max: 9000 })
    fc.assert(
      fc.property(anyTokenSet, padding, fc.constantFrom(...all), (set, bytes, cookies) => {
        const { setCookies } = sealed(cookies, bytes)
        const page = cookieJar()
        page.set(setCookies)
        const result = cookies.seal(
          { id: ID, tokenSet: set, createdAt: START, absoluteEndsAt: START + 1 },
          cookies.open(page.header()),
        )
        page.set(result.ok ? result.setCookies : [])
        const opened = cookies.open(page.header())
        if (!opened.ok) throw new Error(opened.reason)
        expect(tokenSetData(opened.contents.tokenSet)).toEqual(tokenSetData(set))
      }),
    )
  })

  it('T-SEAL-01 refuses every changed, dropped and swapped chunk with a reason', () => {
    const cookies = cookiesOf()
    const page = cookieJar()
    page.set(sealed(cookies, 5000).setCookies)
    const entries = [...page.cookies]
    const header = (changed: readonly (readonly [string, string])[]) =>
      changed.map(([name, value]) => `${name}=${value}`).join('; ')
    expect(entries.length).toBeGreaterThan(1)
    expect(cookies.open(header(entries)).ok).toBe(true)
    expect(cookies.open(header([...entries].reverse())).ok).toBe(true)
    const values = entries.map(([, value]) => value)
    const swapped = entries.map(([name], index) => [name, values.at(index - 1) ?? ''] as const)
    expect(cookies.open(header(swapped)).ok).toBe(false)
    fc.assert(
      fc.property(fc.nat(entries.length - 1), fc.nat(4000), fc.string(), (which, at, text) => {
        const [name, value] = entries[which] ?? ['', '']
        const place = at % value.length
        const clean = text.replaceAll(/[;\s]/g, '')
        const attempts = [
          value.slice(0, place) + clean + value.slice(place + Math.max(1, clean.length)),
          value.slice(0, place) + value.slice(place + 1),
          value.slice(0, place),
        ].filter((attempt) => attempt !== value)
        for (const attempt of attempts) {
          const opened = cookies.open(
            header(entries.map((entry) => (entry[0] === name ? [name, attempt] : entry))),
          )
          expect(opened.ok).toBe(false)
        }
        expect(cookies.open(header(entries.filter((entry) => entry[0] !== name)))).toMatchObject({
          reason: 'incomplete',
        })
      }),
      { numRuns: 200 },
    )
  })

  it('T-SEAL-01 opens nowhere else: site, issuer, client, name, generation', () => {
    const ring = newRing()
    const cookies = cookiesOf({ ring })
    const page = cookieJar()
    page.set(sealed(cookies, 5000).setCookies)
    const others: Partial<SealedCookiesOptions>[] = [
      { site: 'https://b.example' },
      { issuer: 'https://other.example' },
      { clientId: 'client-b' },
    ]
    for (const other of others) {
      expect(refreshTokenOf(cookiesOf({ ring, ...other }).open(page.header()))).toBe('tampered')
    }
    const renamed = page.header().replaceAll(NAME, 'id')
    expect(refreshTokenOf(cookiesOf({ ring, name: 'id' }).open(renamed))).toBe('tampered')
    const generation = [...page.cookies.keys()][0]?.slice(NAME.length + 1, -2) ?? ''
    const moved = page.header().replaceAll(generation, '0trobc00aaaa')
    expect(refreshTokenOf(cookies.open(moved))).toBe('tampered')
  })

  it('chooses the newest by the seal when the answers of two requests mix', () => {
    const cookies = cookiesOf()
    const page = cookieJar()
    page.set(sealed(cookies, 5000).setCookies)
    const request = cookies.open(page.header())
    const first = sealed(cookies, 5000, request)
    pass(1000)
    const second = sealed(cookies, 6000, request)
    const [older, newer] = [first.setCookies, second.setCookies]
    // Whatever comes last, the second answer wins as soon as all of it is there.
    for (const order of [
      [...older, ...newer],
      [...newer, ...older],
      [newer[0] ?? '', ...older, ...newer.slice(1)],
    ]) {
      const fresh = cookieJar()
      fresh.set(order)
      expect(refreshTokenOf(cookies.open(fresh.header()))).toBe(second.refreshToken)
    }
    const half = cookieJar()
    half.set([...older, newer[1] ?? ''])
    expect(refreshTokenOf(cookies.open(half.header()))).toBe(first.refreshToken)
  })

  it('deletes what it replaces, with the attributes of the set, and never NAME beside chunks', () => {
    const attributes = { ...ATTRIBUTES, domain: 'a.example', partitioned: true }
    const cookies = cookiesOf({ name: '__Http-id', attributes })
    const page = cookieJar()
    page.set(sealed(cookies, 100).setCookies)
    expect([...page.cookies.keys()]).toEqual(['__Http-id'])
    page.set(sealed(cookies, 5000, cookies.open(page.header())).setCookies)
    expect(page.cookies.has('__Http-id')).toBe(true)
    for (const bytes of [6000, 5000, 100, 100]) {
      pass(1)
      const next = sealed(cookies, bytes, cookies.open(page.header()))
      page.set(next.setCookies)
      expect(refreshTokenOf(cookies.open(page.header()))).toBe(next.refreshToken)
    }
    expect([...page.cookies.keys()]).toEqual(['__Http-id'])
    page.set(cookies.clear(cookies.open(page.header())))
    expect(page.cookies.size).toBe(0)
    expect(new Set(page.attributes).size).toBe(1)
  })

  it('puts a dead NAME out of the way of chunks, so that nobody is locked out', () => {
    const cookies = cookiesOf()
    const page = cookieJar()
    page.set(sealed(cookiesOf(), 100).setCookies)
    const request = cookies.open(page.header())
    expect(refreshTokenOf(request)).toBe('unknown_key')
    const next = sealed(cookies, 5000, request)
    page.set(next.setCookies)
    expect(page.cookies.has(NAME)).toBe(false)
    expect(refreshTokenOf(cookies.open(page.header()))).toBe(next.refreshToken)
  })

  it('is newer than what it follows though the clock went back', () => {
    const cookies = cookiesOf()
    const page = cookieJar()
    page.set(sealed(cookies, 5000).setCookies)
    const request = cookies.open(page.header())
    const [before] = request.sealedAt.values()
    const behind = cookiesOf({ clock: () => 1000 })
    const result = behind.seal(contentsOf(10), request)
    page.cookies.clear()
    page.set(result.ok ? result.setCookies : [])
    const opened = behind.open(page.header())
    expect(opened.ok && opened.contents.sealedAt).toBe((before ?? 0) + 1)
  })

  it('says which key opened it, and opens nothing while a part lies under an unknown one', () => {
    const [file, next] = [generateKeyRing(), generateKeyRing()]
    const old = createKeyRing(file)
    const opening = file.keys.map((key) => ({ ...key, state: 'opening' as const }))
    const rotated: KeyRing = createKeyRing({ version: 1, keys: [...next.keys, ...opening] })
    const page = cookieJar()
    page.set(sealed(cookiesOf({ ring: old }), 100).setCookies)
    const cookies = cookiesOf({ ring: rotated })
    const opened = cookies.open(page.header())
    expect(opened.ok && opened.keyId).toBe(old.current.id)
    page.set(sealed(cookies, 5000, opened).setCookies)
    expect(cookies.open(page.header()).ok).toBe(true)
    expect(refreshTokenOf(cookiesOf({ ring: old }).open(page.header()))).toBe('unknown_key')
  })

  it('T-COOKIE-05 says when a session is too large, with everything that stands beside it', () => {
    const cookies = cookiesOf({ budgetBytes: 8192 })
    const request = cookies.open(`theme=${'x'.repeat(4000)}`)
    expect(cookies.seal(contentsOf(3000), request)).toMatchObject({
      ok: false,
      reason: 'too_large',
      budget: 8192,
    })
    expect(cookies.seal(contentsOf(100), request).ok).toBe(true)
  })

  it('T-COOKIE-06 prints no cookie and no token', () => {
    const cookies = cookiesOf()
    const page = cookieJar()
    const { setCookies, refreshToken = '' } = sealed(cookies, 5000)
    page.set(setCookies)
    const opened = cookies.open(page.header())
    const failed = cookiesOf().open(page.header())
    const printed = [opened, failed]
      .map((each) => inspect(each, { depth: 9, showHidden: false }) + JSON.stringify(each))
      .join()
    expect(printed).toContain('unknown_key')
    for (const secret of [...page.cookies.values(), refreshToken]) {
      expect(printed).not.toContain(secret.slice(0, 40))
    }
  })

  it('T-COOKIE-04 never throws, whatever the header holds', () => {
    const cookies = cookiesOf()
    const name = fc.constantFrom(NAME, `${NAME}-0trobc00aaaa-0`, `${NAME}-0trobc00aaaa-1`, 'a')
    const pair = fc.tuple(name, fc.string({ unit: 'binary' })).map((parts) => parts.join('='))
    const header = fc
      .array(fc.oneof(pair, fc.string({ unit: 'binary' })))
      .map((all) => all.join(';'))
    fc.assert(
      fc.property(header, (text) => {
        const opened = cookies.open(text)
        expect(opened.ok).toBe(false)
        expect(cookies.seal(contentsOf(10), opened).ok).toBe(true)
        cookies.clear(opened)
      }),
    )
  })
})
