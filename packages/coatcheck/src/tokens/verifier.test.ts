import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { createScene, goodTokens } from '../../../../lab/hostile-tokens/corpus.mjs'
import { makeToken, publicJwk } from '../../../../lab/hostile-tokens/signer.mjs'
import { CoatcheckError } from '../core/errors.ts'
import { Secret } from '../core/secret.ts'
import { candidates, importKeys, type KeySet } from './key-set.ts'
import { isVerifiedToken, type VerifiedToken } from './verified-token.ts'
import { createVerifier, type VerifierOptions } from './verifier.ts'

const START = 1_800_000_000
const scene = createScene({ now: START, canary: 'http://127.0.0.1:9' })
const { keys, claims, idClaims, jwks } = scene

function options(extra: Partial<VerifierOptions> = {}): VerifierOptions {
  return {
    issuer: scene.issuer,
    audience: scene.audience,
    jwks,
    clock: () => START * 1000,
    ...extra,
  }
}

const token = makeToken({ alg: 'ES256', kid: 'p256' }, claims, keys.p256.privateKey)

describe('createVerifier', () => {
  it('gives back what was verified, frozen to its depth', async () => {
    const verified = await createVerifier(options()).verify(token)
    expect(verified.raw).toBe(token)
    expect(verified.kind).toBe('access_token')
    expect(verified.issuer).toBe(scene.issuer)
    expect(verified.claims.sub).toBe('ann')
    expect(verified.header).toEqual({ alg: 'ES256', kid: 'p256' })
    expect(isVerifiedToken(verified)).toBe(true)
    expect(() => Object.assign(verified, { kind: 'id_token' })).toThrow(TypeError)
    expect(() => Object.assign(verified.claims, { sub: 'admin' })).toThrow(TypeError)
    expect(() => Object.assign(verified.header, { alg: 'none' })).toThrow(TypeError)
    expect(JSON.stringify(verified)).not.toContain(token.split('.')[2])
  })

  it('has defaults that are safe', async () => {
    let nowMs = START * 1000
    const verifier = createVerifier(options({ clock: () => nowMs }))
    expect(verifier.kind).toBe('access_token')
    nowMs = (START + 304) * 1000
    expect(isVerifiedToken(await verifier.verify(token))).toBe(true)
    nowMs = (START + 305) * 1000
    await expect(verifier.verify(token)).rejects.toMatchObject({ code: 'token_expired' })
    const at = (size: number) => 'a'.repeat(size)
    await expect(verifier.verify(at(16_384))).rejects.toMatchObject({ code: 'token_malformed' })
    await expect(verifier.verify(at(16_385))).rejects.toMatchObject({ code: 'token_too_large' })
  })

  it.each<[string, Partial<VerifierOptions>, RegExp]>([
    ['neither keys nor secret', { jwks: undefined as never }, /jwks or secret/],
    ['both', { secret: new Secret(new Uint8Array(64)) }, /jwks or secret/],
    ['HS256 with public keys', { algorithms: ['HS256'] }, /HS256 does not go with jwks/],
    ['none', { algorithms: ['none' as never] }, /none is not supported/],
    ['no algorithm', { algorithms: [] }, /algorithms must not be empty/],
    ['no issuer', { issuer: '' }, /issuer/],
    ['no audience', { audience: [] }, /audience/],
    ['an empty audience', { audience: '' }, /audience/],
    ['a tolerance that is no number', { clockToleranceSeconds: Number.NaN }, /clockTolerance/],
    ['a tolerance of a year', { clockToleranceSeconds: 31_536_000 }, /clockTolerance/],
    ['a max age that is no number', { maxAgeSeconds: Number.NaN }, /maxAgeSeconds/],
    ['no bound of size', { maxTokenBytes: Number.POSITIVE_INFINITY }, /maxTokenBytes/],
  ])('refuses %s', (_, extra, message) => {
    const make = () => createVerifier(options(extra))
    expect(make).toThrow(CoatcheckError)
    expect(make).toThrow(message)
  })

  it('tells all faults at once', () => {
    const make = () => createVerifier(options({ issuer: '', audience: '', algorithms: ['HS256'] }))
    expect(make).toThrow(/issuer.*audience.*HS256/)
  })

  it('T-TOKEN-01 refuses a secret that is too short, or a PEM key', () => {
    const make = (bytes: Uint8Array) => () =>
      createVerifier({
        issuer: scene.issuer,
        audience: scene.audience,
        secret: new Secret(new Uint8Array(bytes)),
      })
    expect(make(new Uint8Array(31))).toThrow(/32 bytes/)
    const pem = keys.rsa.publicKey.export({ format: 'pem', type: 'spki' }).toString()
    expect(make(Buffer.from(pem))).toThrow(/PEM/)
    expect(make(new Uint8Array(32))).not.toThrow()
  })

  it('compares at_hash with the access token, for each hash', async () => {
    const verifier = createVerifier(options({ audience: 'app', kind: 'id_token' }))
    for (const [alg, kid, name, half] of [
      ['RS256', 'rsa', 'sha256', 16],
      ['ES384', 'p384', 'sha384', 24],
      ['EdDSA', 'ed', 'sha512', 32],
    ] as const) {
      const key = { rsa: keys.rsa, p384: keys.p384, ed: keys.ed }[kid].privateKey
      const digest = createHash(name).update('the access token').digest().subarray(0, half)
      const jwt = makeToken(
        { alg, kid },
        { ...idClaims, at_hash: digest.toString('base64url') },
        key,
      )
      await expect(verifier.verify(jwt, { accessToken: 'the access token' })).resolves.toBeDefined()
      await expect(verifier.verify(jwt, { accessToken: 'another' })).rejects.toMatchObject({
        code: 'token_hash_mismatch',
      })
    }
  })

  it('T-TOKEN-03 keeps each kind out of the verifier of the other, even for one audience', async () => {
    const access = createVerifier(options())
    const id = createVerifier(options({ kind: 'id_token' }))
    const make = (typ: string, payload: Record<string, unknown>): string =>
      makeToken({ alg: 'ES256', kid: 'p256', typ }, payload, keys.p256.privateKey)
    const forApi = { ...idClaims, aud: scene.audience }
    await expect(id.verify(make('at+jwt', forApi))).rejects.toMatchObject({
      code: 'token_type_refused',
    })
    await expect(access.verify(make('JWT', { ...forApi, at_hash: 'x' }))).rejects.toMatchObject({
      code: 'token_type_refused',
    })
    for (const typ of ['dpop+jwt', 'logout+jwt', 'secevent+jwt', 'oauth-authz-req+jwt']) {
      for (const verifier of [access, id]) {
        await expect(verifier.verify(make(typ, forApi))).rejects.toMatchObject({
          code: 'token_type_refused',
        })
      }
    }
  })

  it('reads no clock that is broken as "still valid"', async () => {
    const verifier = createVerifier(options({ clock: () => Number.NaN }))
    await expect(verifier.verify(token)).rejects.toMatchObject({ code: 'token_expired' })
  })
})

describe('the cache of verified tokens', () => {
  it('gives the same object for the same token, and another for another', async () => {
    const verifier = createVerifier(options())
    const first = await verifier.verify(token)
    expect(await verifier.verify(token)).toBe(first)
    const uncached = createVerifier(options({ cache: false }))
    expect(await uncached.verify(token)).not.toBe(await uncached.verify(token))
  })

  it('T-TOKEN-03 checks what this call asks for, remembered or not', async () => {
    const verifier = createVerifier(options({ audience: 'app', kind: 'id_token' }))
    const jwt = makeToken({ alg: 'ES256', kid: 'p256' }, idClaims, keys.p256.privateKey)
    await verifier.verify(jwt, { nonce: 'nonce-of-this-sign-in' })
    await expect(verifier.verify(jwt, { nonce: 'other' })).rejects.toMatchObject({
      code: 'token_nonce_mismatch',
    })
    await expect(verifier.verify(jwt, { maxAgeSeconds: 1 })).rejects.toMatchObject({
      code: 'token_too_old',
    })
  })

  it('ends at exp', async () => {
    let nowMs = START * 1000
    const verifier = createVerifier(options({ clock: () => nowMs }))
    await verifier.verify(token)
    nowMs += 306_000
    await expect(verifier.verify(token)).rejects.toMatchObject({ code: 'token_expired' })
  })

  it('T-TOKEN-02 ends when the key leaves the set', async () => {
    let current = importKeys(jwks)
    const changing: KeySet = {
      find: (header) => candidates(current, header),
      has: (key) => current.includes(key),
    }
    const verifier = createVerifier(options({ jwks: changing }))
    await verifier.verify(token)
    current = importKeys({ keys: [publicJwk(keys.rsa, { kid: 'rsa' })] })
    await expect(verifier.verify(token)).rejects.toMatchObject({ code: 'token_key_unknown' })
  })

  it('refuses a remembered token with one character changed', async () => {
    const verifier = createVerifier(options())
    await verifier.verify(token)
    for (let index = 0; index < token.length; index += 1) {
      const other = token[index] === 'A' ? 'B' : 'A'
      const changed = `${token.slice(0, index)}${other}${token.slice(index + 1)}`
      await expect(verifier.verify(changed), `at ${index}`).rejects.toBeInstanceOf(CoatcheckError)
    }
  })

  it.each([1, 2, 3, 10])('keeps %i entries at most, and those in use', async (maxEntries) => {
    const { createTokenCache } = await import('./token-cache.ts')
    const cache = createTokenCache(maxEntries)
    const [key] = importKeys(jwks)
    if (key === undefined) throw new Error('no key')
    const entry = (raw: string) => ({ token: { raw } as VerifiedToken, key })
    cache.put(entry('in use'))
    for (let index = 0; index < 1000; index += 1) {
      cache.put(entry(`token ${index}`))
      if (maxEntries > 2) expect(cache.get('in use')?.token.raw).toBe('in use')
      expect(cache.size()).toBeLessThanOrEqual(maxEntries)
    }
  })

  it.each(goodTokens(scene))('does not change the outcome for $name', async (good) => {
    const { to, token: jwt, checks } = good
    if (to !== 'access') return
    const verifier = createVerifier(options())
    expect(await verifier.verify(jwt, checks)).toBe(await verifier.verify(jwt, checks))
  })
})
