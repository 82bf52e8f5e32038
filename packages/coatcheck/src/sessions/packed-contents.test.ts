import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { anyTime, anyTokenSet } from '../../../../test/support/arbitrary-contents.ts'
import { BINDING, CANARIES, START, tokenSet } from '../../../../test/support/session-fixture.ts'
import { encodeBase64url, encodeUtf8 } from '../core/bytes.ts'
import { restoreVerifiedTokenSet } from '../tokens/restore-verified.ts'
import {
  type TokenSetData,
  tokenSetData,
  type VerifiedTokenSet,
} from '../tokens/verified-token-set.ts'
import { type PackedContents, packContents, unpackContents } from './packed-contents.ts'

const ID = 'ABCDEFGHIJKLMNOPQRSTUA'
const anyId = fc
  .uint8Array({ minLength: 16, maxLength: 16 })
  .map((bytes) => encodeBase64url(new Uint8Array(bytes)))
const ALWAYS = (bytes: number): number => bytes

function contentsOf(set: VerifiedTokenSet, marks: Partial<PackedContents> = {}): PackedContents {
  return {
    id: ID,
    createdAt: START,
    sealedAt: START + 60_000,
    absoluteEndsAt: START + 43_200_000,
    ...marks,
    tokenSet: set,
  }
}

// Tokens do not show when a set is compared: they are laid open first.
function open(contents: PackedContents | undefined): unknown {
  return contents && { ...contents, tokenSet: tokenSetData(contents.tokenSet) }
}

function jwt(claims: object, signature = new Uint8Array(256).fill(7)): string {
  const part = (value: object) => encodeBase64url(encodeUtf8(JSON.stringify(value)))
  return `${part({ alg: 'RS256', typ: 'JWT' })}.${part(claims)}.${encodeBase64url(signature)}`
}

describe('packContents and unpackContents', () => {
  it('T-SEAL-01 gives back what was packed, for any token set', () => {
    const marks = fc.record(
      {
        id: anyId,
        createdAt: anyTime,
        sealedAt: anyTime,
        absoluteEndsAt: anyTime,
        remembered: fc.constant(true as const),
        renewalSentAt: anyTime,
        renewalFailures: fc.nat(),
        renewalRetryAt: anyTime,
      },
      { requiredKeys: ['id', 'createdAt', 'sealedAt', 'absoluteEndsAt'] },
    )
    fc.assert(
      fc.property(anyTokenSet, marks, fc.boolean(), (set, known, deflated) => {
        const contents = { ...known, tokenSet: set }
        const packed = packContents(contents, BINDING, deflated ? ALWAYS : undefined)
        expect(open(unpackContents(packed, BINDING))).toEqual(open(contents))
      }),
      { numRuns: 500 },
    )
  })

  it('packs every field that there is', () => {
    const set: Required<TokenSetData> = {
      issuer: 'https://other.example',
      clientId: 'other',
      subject: 'someone else',
      accessToken: 'opaque~token',
      tokenType: 'DPoP',
      accessTokenKind: 'opaque',
      accessTokenExpiresAt: START + 6,
      accessTokenReceivedAt: START + 7,
      refreshToken: 'refresh',
      idToken: jwt({ sub: 'someone' }),
      scope: 'openid',
      claims: { sub: 'someone' },
    }
    const all: Required<PackedContents> = {
      tokenSet: restoreVerifiedTokenSet(set),
      id: ID,
      createdAt: START,
      sealedAt: START + 1,
      absoluteEndsAt: START + 2,
      remembered: true,
      renewalSentAt: START + 3,
      renewalFailures: 4,
      renewalRetryAt: START - 5,
    }
    expect(open(unpackContents(packContents(all, BINDING), BINDING))).toEqual(open(all))
  })

  it('stores claims once, and what the place says not at all', () => {
    const claims = { iss: BINDING.issuer, sub: CANARIES.subject, email: 'a@b.example' }
    const idToken = jwt(claims)
    const set = tokenSet({ idToken, claims })
    const packed = packContents(contentsOf(set), BINDING)
    const text = Buffer.from(packed).toString('latin1')
    expect(text.split(claims.sub)).toHaveLength(2)
    expect(text).not.toContain(BINDING.clientId)
    const elsewhere = packContents(contentsOf(set), { ...BINDING, clientId: 'other' })
    expect(elsewhere.length).toBeGreaterThan(packed.length)
    // A set that was renewed without an ID token has the claims of the first one.
    const other = tokenSet({ idToken, claims: { ...claims, email: 'c@d.example' } })
    expect(open(unpackContents(packContents(contentsOf(other), BINDING), BINDING))).toEqual(
      open(contentsOf(other)),
    )
  })

  it('packs what it unpacked to the same bytes', () => {
    fc.assert(
      fc.property(anyTokenSet, (set) => {
        const packed = packContents(contentsOf(set), BINDING)
        const opened = unpackContents(packed, BINDING)
        expect(opened && packContents(opened, BINDING)).toEqual(packed)
      }),
    )
  })

  it('T-SEAL-02 deflates only where that costs less, and not at all without a cost', () => {
    const contents = contentsOf(tokenSet({ idToken: jwt({ text: 'x'.repeat(900) }) }))
    const plain = packContents(contents, BINDING)
    const cookies = (size: number) => (bytes: number) => Math.ceil(bytes / size)
    expect(packContents(contents, BINDING, cookies(plain.length))).toEqual(plain)
    expect(packContents(contents, BINDING, cookies(20))[1]).toBe(1)
    const small = packContents(contents, BINDING, cookies(plain.length - 1))
    expect(small.length).toBeLessThan(plain.length - 800)
  })

  it('T-SEAL-02 has one length for all secrets of one length, whatever stands beside them', () => {
    const guess = 'session=4xkq0wq7ZrVf'
    const lengths = [guess, 'session=000000000000', 'session=session=aaaa'].map((secret) => {
      const bytes = encodeUtf8(secret.padEnd(32, 'x'))
      const claims = { sub: 's', note: guess }
      const set = tokenSet({
        accessToken: `opaque-${encodeBase64url(bytes)}`,
        accessTokenKind: 'opaque',
        refreshToken: jwt({ secret }).slice(0, 80),
        idToken: jwt(claims, bytes),
        claims,
      })
      return packContents(contentsOf(set), BINDING, ALWAYS).length
    })
    expect(new Set(lengths).size).toBe(1)
  })

  it('gives nothing for bytes that it did not pack, and never throws', () => {
    const packed = [undefined, ALWAYS].map((cost) =>
      packContents(contentsOf(tokenSet({ idToken: jwt({ sub: 's' }) })), BINDING, cost),
    )
    for (const bytes of packed) {
      for (let length = 0; length < bytes.length; length += 1) {
        expect(unpackContents(bytes.subarray(0, length), BINDING)).toBeUndefined()
      }
      for (const at of bytes.keys()) {
        const changed = bytes.slice()
        changed[at] = (changed[at] ?? 0) ^ 0xff
        expect(() => unpackContents(changed, BINDING)).not.toThrow()
      }
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        unpackContents(Uint8Array.of(1, bytes[0] ?? 0, ...bytes), BINDING)
      }),
    )
  })

  it('refuses a look-alike of a token set', () => {
    const contents = { ...contentsOf(tokenSet()), tokenSet: { ...tokenSet() } as VerifiedTokenSet }
    expect(() => packContents(contents, BINDING)).toThrow(/never verified/)
  })

  it('refuses an id of another length', () => {
    const contents = contentsOf(tokenSet(), { id: 'short' })
    const good = contentsOf(tokenSet())
    const packed = packContents(good, BINDING)
    expect(() => packContents(contents, BINDING)).toThrow(/22 characters/)
    expect(packContents(good, BINDING)).toEqual(packed)
  })

  it.each(['contents-v1-plain', 'contents-v1-dictionary-1'])('opens %s for good', (name) => {
    const golden = JSON.parse(
      readFileSync(new URL(`./golden/${name}.json`, import.meta.url), 'utf8'),
    )
    const packed = new Uint8Array(Buffer.from(golden.packed, 'base64url'))
    expect(open(unpackContents(packed, golden.known))).toEqual(golden.contents)
  })
})
