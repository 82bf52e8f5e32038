import { createHash } from 'node:crypto'
import { inspect } from 'node:util'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { createScene } from '../../../../lab/hostile-tokens/corpus.mjs'
import { makeToken } from '../../../../lab/hostile-tokens/signer.mjs'
import { restoreVerifiedTokenSet } from './restore-verified.ts'
import type { VerifiedToken } from './verified-token.ts'
import { isVerifiedToken } from './verified-token.ts'
import {
  createVerifiedTokenSet,
  isVerifiedTokenSet,
  tokenSetData,
  type VerifiedTokenSet,
  withoutRefreshToken,
} from './verified-token-set.ts'
import { createVerifier } from './verifier.ts'

const now = 1_800_000_000
const scene = createScene({ now, canary: 'http://127.0.0.1:9' })
const clock = () => now * 1000
const common = { issuer: scene.issuer, jwks: scene.jwks, clock }
const access = createVerifier({ ...common, audience: scene.audience })
const id = createVerifier({ ...common, audience: ['app', 'app-2'], kind: 'id_token' })
const sign = (payload: Record<string, unknown>): string =>
  makeToken({ alg: 'ES256', kid: 'p256' }, payload, scene.keys.p256.privateKey)

const accessToken = await access.verify(sign(scene.claims))
const idToken = await id.verify(sign(scene.idClaims))
const CANARY_REFRESH = 'canary-refresh-token'
const opaque = { opaque: 'canary-access-token', trustedBy: 'id_token' } as const

const make = (extra: Partial<Parameters<typeof createVerifiedTokenSet>[0]> = {}) =>
  createVerifiedTokenSet({
    clientId: 'app',
    accessToken: opaque,
    idToken,
    refreshToken: CANARY_REFRESH,
    accessTokenExpiresAt: (now + 60) * 1000,
    scope: 'openid',
    ...extra,
  })

describe('createVerifiedTokenSet', () => {
  it('records issuer, client, subject and kind', async () => {
    const set = await make()
    expect(set).toMatchObject({
      issuer: scene.issuer,
      clientId: 'app',
      subject: 'ann',
      accessTokenKind: 'opaque',
      tokenType: 'Bearer',
      scope: 'openid',
      accessTokenExpiresAt: (now + 60) * 1000,
    })
    expect(set.claims.nonce).toBe('nonce-of-this-sign-in')
    expect((await make({ accessToken })).accessTokenKind).toBe('jwt')
  })

  it('ends with the access token itself, whatever lifetime its answer gave', async () => {
    const exp = accessToken.claims.exp * 1000
    const ends = async (accessTokenExpiresAt?: number): Promise<number | undefined> => {
      const given = accessTokenExpiresAt === undefined ? {} : { accessTokenExpiresAt }
      const set = await createVerifiedTokenSet({ clientId: 'app', accessToken, idToken, ...given })
      return set.accessTokenExpiresAt
    }
    expect(await ends()).toBe(exp)
    expect(await ends(exp + 900)).toBe(exp)
    expect(await ends(exp - 900)).toBe(exp - 900)
  })

  it('T-TOKEN-05 refuses what no verifier returned, whatever its type says', async () => {
    const copies: readonly VerifiedToken[] = [
      { ...idToken },
      structuredClone({ ...idToken, raw: idToken.raw }),
      Object.create(idToken),
      new Proxy(idToken, {}),
      JSON.parse(JSON.stringify(idToken)),
    ]
    for (const copy of copies) {
      expect(isVerifiedToken(copy)).toBe(false)
      await expect(make({ idToken: copy })).rejects.toMatchObject({ code: 'token_unverified' })
    }
    const forged = { ...accessToken } as VerifiedToken
    await expect(make({ accessToken: forged })).rejects.toMatchObject({ code: 'token_unverified' })
    const set = { ...tokenSetData(await make()) } as VerifiedTokenSet
    expect(isVerifiedTokenSet(set)).toBe(false)
    expect(() => tokenSetData(set)).toThrow(/never verified/)
    await expect(make({ previous: set })).rejects.toMatchObject({ code: 'token_unverified' })
  })

  it('T-TOKEN-05 cannot be minted or changed by way of a real one', async () => {
    const made: unknown[] = []
    for (let at: object | null = idToken; at !== null; at = Object.getPrototypeOf(at)) {
      made.push(Reflect.construct(at.constructor, ['x.y.z', {}, { iss: 'https://evil.example' }]))
    }
    expect(made).not.toHaveLength(0)
    for (const minted of made) expect(isVerifiedToken(minted)).toBe(false)
    const { raw } = idToken
    const raise = () =>
      Object.defineProperty(Object.getPrototypeOf(idToken), 'raw', { get: () => 'forged' })
    expect(raise).toThrow(TypeError)
    expect(idToken.raw).toBe(raw)
  })

  it('T-TOKEN-05 cannot be forged in types', () => {
    const plain = { raw: '', header: idToken.header, claims: idToken.claims, issuer: '' }
    // @ts-expect-error a brand cannot be written down
    const token: VerifiedToken = { ...plain, kind: 'id_token' }
    // @ts-expect-error a token set comes from its constructor alone
    const set: VerifiedTokenSet = { issuer: '', clientId: '', subject: '', accessToken: '' }
    expect([isVerifiedToken(token), isVerifiedTokenSet(set)]).toEqual([false, false])
    expectTypeOf(idToken).not.toEqualTypeOf<Omit<VerifiedToken, never>>
  })

  it('T-TOKEN-03 takes no kind of token for another', async () => {
    await expect(make({ idToken: accessToken })).rejects.toMatchObject({ code: 'token_unverified' })
    await expect(make({ accessToken: idToken })).rejects.toMatchObject({ code: 'token_unverified' })
  })

  it('refuses parts of different origin', async () => {
    const other = await access.verify(sign({ ...scene.claims, sub: 'bob' }))
    await expect(make({ accessToken: other })).rejects.toMatchObject({
      code: 'token_subject_mismatch',
    })
    const foreign = await access.verify(sign({ ...scene.claims, client_id: 'other' }))
    await expect(make({ accessToken: foreign })).rejects.toMatchObject({
      code: 'token_audience_mismatch',
    })
    await expect(make({ clientId: 'somebody-else' })).rejects.toMatchObject({
      code: 'token_audience_mismatch',
    })
    await expect(make({ clientId: 'app-2' })).rejects.toMatchObject({
      code: 'token_audience_mismatch',
    })
  })

  it('compares at_hash, without being asked to', async () => {
    const digest = createHash('sha256').update('the access token').digest().subarray(0, 16)
    const bound = await id.verify(
      sign({ ...scene.idClaims, at_hash: digest.toString('base64url') }),
    )
    const trustedBy = 'id_token' as const
    const fits = make({ idToken: bound, accessToken: { opaque: 'the access token', trustedBy } })
    await expect(fits).resolves.toBeDefined()
    const swapped = make({ idToken: bound, accessToken: { opaque: 'another', trustedBy } })
    await expect(swapped).rejects.toMatchObject({ code: 'token_hash_mismatch' })
  })

  it('refuses an opaque access token that nothing vouches for', async () => {
    const alone = { clientId: 'app', accessToken: opaque }
    await expect(createVerifiedTokenSet(alone)).rejects.toMatchObject({ code: 'token_unverified' })
    const claimed = { opaque: 'x', trustedBy: 'confidential_token_call' } as const
    const unnamed = createVerifiedTokenSet({ clientId: 'app', accessToken: claimed })
    await expect(unnamed).rejects.toMatchObject({ code: 'token_issuer_mismatch' })
  })

  it('T-RENEW-02 keeps the subject of the set that it renews', async () => {
    const previous = await make()
    const bob = await id.verify(sign({ ...scene.idClaims, sub: 'bob' }))
    await expect(make({ previous, idToken: bob })).rejects.toMatchObject({
      code: 'token_subject_mismatch',
    })
    const renewed = await createVerifiedTokenSet({ clientId: 'app', accessToken: opaque, previous })
    expect(renewed.subject).toBe('ann')
    expect(renewed.idToken).toBe(previous.idToken)
    expect(renewed.claims).toEqual(previous.claims)
  })

  it('T-RENEW-02 keeps client, audience and nonce of the set that it renews', async () => {
    const previous = await make()
    const renewedBy = async (changes: Record<string, unknown>, clientId = 'app') => {
      const next = await id.verify(sign({ ...scene.idClaims, ...changes }))
      return createVerifiedTokenSet({ clientId, accessToken: opaque, idToken: next, previous })
    }
    await expect(renewedBy({ aud: 'app-2' }, 'app-2')).rejects.toMatchObject({
      code: 'token_audience_mismatch',
    })
    await expect(renewedBy({ aud: ['app', 'other'], azp: 'app' })).rejects.toMatchObject({
      code: 'token_audience_mismatch',
    })
    await expect(renewedBy({ nonce: 'of another sign-in' })).rejects.toMatchObject({
      code: 'token_nonce_mismatch',
    })
    expect((await renewedBy({ aud: ['app'], nonce: undefined })).subject).toBe('ann')
  })

  it('T-OPS-03 prints and serializes without its tokens', async () => {
    const set = await make({ accessToken })
    const seen = [
      JSON.stringify(set),
      String(set),
      inspect(set, { depth: 9 }),
      JSON.stringify({ ...set }),
      JSON.stringify(Object.entries(set)),
      JSON.stringify(Object.entries(Object.getOwnPropertyDescriptors(set))),
    ].join()
    expect(JSON.parse(JSON.stringify(set))).toEqual({
      issuer: set.issuer,
      clientId: set.clientId,
      subject: set.subject,
      tokenType: 'Bearer',
      accessTokenKind: 'jwt',
      accessTokenExpiresAt: set.accessTokenExpiresAt,
      scope: set.scope,
      claims: set.claims,
    })
    expect(inspect(set)).toContain(set.subject)
    for (const secret of [CANARY_REFRESH, accessToken.raw, idToken.raw]) {
      expect(seen).not.toContain(secret)
    }
    expect(set.refreshToken).toBe(CANARY_REFRESH)
  })

  it('is frozen to its depth', async () => {
    const set = await make()
    expect(() => Object.assign(set, { subject: 'admin' })).toThrow(TypeError)
    expect(() => Object.assign(set.claims, { sub: 'admin' })).toThrow(TypeError)
    expect(() => Object.defineProperty(set, 'accessToken', { value: '' })).toThrow(TypeError)
  })

  it('T-TOKEN-05 is not made by what it can be reached from, nor copied', async () => {
    const set = await make({ accessToken })
    const shared = Object.getPrototypeOf(set)
    expect(Object.isFrozen(shared)).toBe(true)
    expect(Object.hasOwn(shared, 'constructor')).toBe(false)
    const copies = [
      Object.create(set),
      Object.create(shared),
      new Proxy(set, {}),
      structuredClone({ ...set }),
      structuredClone(set),
    ]
    for (const copy of copies) {
      expect(isVerifiedTokenSet(copy)).toBe(false)
      // Nor does it break a log.
      expect([inspect(copy), JSON.stringify(copy)]).toEqual(['{}', '{}'])
    }
  })

  it('writes its tokens out when they are asked for, once', async () => {
    const data = tokenSetData(await make({ accessToken }))
    const asked: string[] = []
    const later = (token = '') => {
      return () => {
        asked.push(token)
        return token
      }
    }
    const set = restoreVerifiedTokenSet({
      ...data,
      accessToken: later(data.accessToken),
      refreshToken: later(data.refreshToken),
      idToken: later(data.idToken),
    })
    expect(isVerifiedTokenSet(set)).toBe(true)
    JSON.stringify({ ...set })
    inspect(set, { depth: 9 })
    expect(asked).toEqual([])
    for (let time = 0; time < 2; time += 1) {
      expect(tokenSetData(set)).toEqual(data)
      expect([set.accessToken, set.refreshToken, set.idToken]).toEqual([
        data.accessToken,
        data.refreshToken,
        data.idToken,
      ])
    }
    expect(asked.toSorted()).toEqual([data.accessToken, data.refreshToken, data.idToken].toSorted())
  })

  it('comes back whole out of a seal', async () => {
    const set = await make()
    const restored = restoreVerifiedTokenSet(JSON.parse(JSON.stringify(tokenSetData(set))))
    expect(tokenSetData(restored)).toEqual(tokenSetData(set))
    expect(isVerifiedTokenSet(restored)).toBe(true)
    const spent = withoutRefreshToken(set)
    expect(spent.refreshToken).toBeUndefined()
    expect(spent.accessToken).toBe(set.accessToken)
  })
})
