import { createHash } from 'node:crypto'
import { describe, expect, it, vi } from 'vitest'
import { createScene, goodTokens, hostileTokens } from '../../../../lab/hostile-tokens/corpus.mjs'
import { makeToken } from '../../../../lab/hostile-tokens/signer.mjs'

// As in a browser.
vi.doMock('#signature', () => import('../tokens/signature.webcrypto.ts'))
const { areVerified, createAnswerReader } = await import('./answer-reader.ts')
const { createLocalKeySet } = await import('../tokens/key-set.ts')

const now = 1_800_000_000
const scene = createScene({ now, canary: 'http://127.0.0.1:9' })
const keySet = { ...createLocalKeySet(scene.jwks), refresh: async () => {} }
const readerAt = (nowMs: number, audience: string | undefined = scene.audience) =>
  createAnswerReader({
    ...{ issuer: scene.issuer, clientId: scene.clientId, keySet },
    tokenType: 'Bearer',
    audience,
    clock: () => nowMs,
  })
const reader = readerAt(now * 1000)
const opaque = createAnswerReader({
  ...{ issuer: scene.issuer, clientId: scene.clientId, keySet, audience: undefined },
  tokenType: 'Bearer',
  clock: () => now * 1000,
})
const sign = (payload: Record<string, unknown>): string =>
  makeToken({ alg: 'ES256', kid: 'p256' }, payload, scene.keys.p256.privateKey)
const access = (extra: Record<string, unknown> = {}): string => sign({ ...scene.claims, ...extra })
const id = (extra: Record<string, unknown> = {}): string => sign({ ...scene.idClaims, ...extra })
const answer = (extra: Record<string, unknown> = {}) => ({
  access_token: access(),
  token_type: 'Bearer',
  expires_in: 300,
  ...extra,
})
const given = { askedAt: now * 1000, isFresh: false }
const fresh = { ...given, isFresh: true, nonce: 'nonce-of-this-sign-in' }
const place = { grant: 'g', generation: 0 }

describe('AnswerReader.read', () => {
  it('reads an answer, and vouches for it', async () => {
    const read = await reader.read(answer({ id_token: id(), refresh_token: 'r' }), fresh)
    expect(read).toMatchObject({
      subject: 'ann',
      claims: { nonce: 'nonce-of-this-sign-in' },
      tokens: { token_type: 'Bearer', refresh_token: 'r', expires_at: (now + 300) * 1000 },
    })
    expect(areVerified(read)).toBe(true)
  })

  it('T-TOKEN-05 vouches for no copy and no look-alike', async () => {
    const read = await reader.read(answer(), given)
    expect(areVerified({ ...read })).toBe(false)
    expect(areVerified(structuredClone(read))).toBe(false)
    expect(areVerified(new Proxy(read, {}))).toBe(false)
    expect(() => Object.assign(read, { subject: 'admin' })).toThrow(TypeError)
    expect(() => Object.assign(read.tokens, { access_token: 'x' })).toThrow(TypeError)
    expect(() => Object.assign(read.claims, { sub: 'admin' })).toThrow(TypeError)
  })

  it.each(
    hostileTokens(scene).filter(
      ({ to, code, checks }) =>
        to === 'access' && checks === undefined && !/^token_(?:expired|not_yet)/.test(code),
    ),
  )('T-TOKEN-01..04 refuses as access token: $name', async ({ token, code }) => {
    await expect(reader.read(answer({ access_token: token }), given)).rejects.toMatchObject({
      code,
    })
  })

  it.each(
    hostileTokens(scene).filter(
      ({ to, code, checks }) =>
        to === 'id' && checks === undefined && !/^token_(?:expired|not_yet)/.test(code),
    ),
  )('T-TOKEN-01..04 refuses as ID token: $name', async ({ token, code }) => {
    await expect(reader.read(answer({ id_token: token }), given)).rejects.toMatchObject({ code })
  })

  it('takes the algorithms of the list', async () => {
    for (const { to, token, name } of goodTokens(scene)) {
      if (to !== 'access') continue
      const read = await reader.read(answer({ access_token: token }), given)
      expect(read.subject, name).toBe('ann')
    }
  })

  it('takes an opaque access token with an ID token that verifies, and with nothing else', async () => {
    const read = await opaque.read(answer({ access_token: 'opaque', id_token: id() }), fresh)
    expect(read.tokens.access_token).toBe('opaque')
    await expect(opaque.read(answer({ access_token: 'opaque' }), given)).rejects.toMatchObject({
      code: 'token_unverified',
    })
    const forged = makeToken(
      { alg: 'ES256', kid: 'p256' },
      scene.idClaims,
      scene.keys.attackerEc.privateKey,
    )
    await expect(
      opaque.read(answer({ access_token: 'opaque', id_token: forged }), fresh),
    ).rejects.toMatchObject({ code: 'token_signature_invalid' })
  })

  it('T-BIND-05 takes no unbound tokens where they are to be bound to a key', async () => {
    const bound = createAnswerReader({
      ...{ issuer: scene.issuer, clientId: scene.clientId, keySet, audience: scene.audience },
      tokenType: 'DPoP',
      clock: () => now * 1000,
    })
    await expect(bound.read(answer(), given)).rejects.toMatchObject({
      code: 'provider_response_invalid',
    })
    await expect(bound.read(answer({ token_type: 'dpop' }), given)).resolves.toMatchObject({
      tokens: { token_type: 'DPoP' },
    })
  })

  it('takes an empty ID token for none, and a lifetime as text', async () => {
    const previous = await reader.read(answer({ id_token: id() }), fresh)
    const empty = answer({ id_token: null, expires_in: '300' }) as unknown as ReturnType<
      typeof answer
    >
    const read = await reader.read(empty, { ...given, isFresh: true, previous })
    expect(read.tokens).toMatchObject({ renewed: '1', id_token: previous.tokens.id_token })
    expect(read.tokens.expires_at).toBe((now + 300) * 1000)
  })

  it('compares at_hash where it is present', async () => {
    const hashOf = (token: string): string =>
      createHash('sha256').update(token).digest().subarray(0, 16).toString('base64url')
    const good = answer({ access_token: 'opaque', id_token: id({ at_hash: hashOf('opaque') }) })
    await expect(opaque.read(good, fresh)).resolves.toBeDefined()
    const bad = answer({ access_token: 'other', id_token: id({ at_hash: hashOf('opaque') }) })
    await expect(opaque.read(bad, fresh)).rejects.toMatchObject({ code: 'token_hash_mismatch' })
  })

  it.each([
    ['another nonce', answer({ id_token: id({ nonce: 'another' }) }), 'token_nonce_mismatch'],
    ['two persons', answer({ id_token: id({ sub: 'bob' }) }), 'token_subject_mismatch'],
    ['another client', answer({ id_token: id({ aud: 'other' }) }), 'token_audience_mismatch'],
    [
      'a token of another client',
      answer({ access_token: access({ client_id: 'other' }) }),
      'token_audience_mismatch',
    ],
    ['another type', answer({ token_type: 'mac' }), 'provider_response_invalid'],
    [
      'tokens bound to a key that nobody has',
      answer({ token_type: 'DPoP' }),
      'provider_response_invalid',
    ],
  ])('T-RENEW-02 refuses: %s', async (_, given_, code) => {
    await expect(reader.read(given_, fresh)).rejects.toMatchObject({ code })
  })

  it('T-RENEW-02 keeps the person over a renewal', async () => {
    const previous = await reader.read(answer({ id_token: id() }), fresh)
    const other = answer({ access_token: access({ sub: 'bob' }) })
    await expect(reader.read(other, { ...given, isFresh: true, previous })).rejects.toMatchObject({
      code: 'token_subject_mismatch',
    })
    const same = await reader.read(answer(), { ...given, isFresh: true, previous })
    expect(same.claims).toBe(previous.claims)
    expect(same.tokens.renewed).toBe('1')
  })

  it.each([10, -10, 600, -600])(
    'takes the clock of a fresh answer for right, and its own for %i minutes off',
    async (minutes) => {
      const local = now * 1000 + minutes * 60_000
      const read = await readerAt(local).read(answer({ id_token: id() }), {
        ...fresh,
        askedAt: local,
      })
      // The issuer made it ten seconds ago.
      const offset = now * 1000 - 10_000 - local
      expect(read.tokens.clock_offset).toBe(offset)
      expect(read.tokens.received_at).toBe(local + offset)
    },
  )

  it.each([10, -10])(
    'believes no clock but its own for what was handed over: %i minutes',
    async (minutes) => {
      const local = now * 1000 + minutes * 60_000
      await expect(
        readerAt(local).read(answer(), { askedAt: local, isFresh: false }),
      ).rejects.toMatchObject({ code: minutes > 0 ? 'token_expired' : 'token_not_yet_valid' })
    },
  )

  it('believes no clock that is more than a day off', async () => {
    const local = (now + 2 * 86_400) * 1000
    await expect(
      readerAt(local).read(answer({ id_token: id() }), { ...fresh, askedAt: local }),
    ).rejects.toMatchObject({ code: 'token_expired' })
  })
})

describe('AnswerReader.restore', () => {
  const kept = async () => ({
    ...(await reader.read(answer({ id_token: id(), refresh_token: 'r' }), fresh)).tokens,
    ...place,
  })

  it('takes what it has verified before, later too: that it is over is no forgery', async () => {
    const later = await readerAt((now + 86_400) * 1000).restore(await kept())
    expect(later).toMatchObject({ subject: 'ann', tokens: { expires_at: (now + 300) * 1000 } })
    expect(areVerified(later)).toBe(true)
  })

  it('lets no entry make an access token good for longer', async () => {
    const read = await reader.restore({ ...(await kept()), expires_at: (now + 10 ** 6) * 1000 })
    expect(read.tokens.expires_at).toBe((now + 300) * 1000)
  })

  it('takes a renewed entry, whose ID token was made for an earlier access token', async () => {
    const first = createHash('sha256').update('first').digest().subarray(0, 16)
    const idToken = id({ at_hash: first.toString('base64url') })
    const previous = await opaque.read(answer({ access_token: 'first', id_token: idToken }), fresh)
    const renewed = await opaque.read(answer({ access_token: 'second' }), {
      ...given,
      isFresh: true,
      previous,
    })
    await expect(opaque.restore({ ...renewed.tokens, ...place })).resolves.toBeDefined()
  })

  it.each([
    ['another access token', { access_token: access({ sub: 'bob' }) }, 'token_subject_mismatch'],
    [
      'an unsigned one',
      { access_token: `${access().split('.').slice(0, 2).join('.')}.` },
      'token_signature_invalid',
    ],
    [
      'an ID token of another client',
      { id_token: id({ aud: 'other' }) },
      'token_audience_mismatch',
    ],
    ['an access token as ID token', { id_token: access() }, 'token_audience_mismatch'],
    ['another scheme', { token_type: 'Basic' }, 'provider_response_invalid'],
  ])('T-TOKEN-05 refuses an entry that a script has changed: %s', async (_, change, code) => {
    await expect(reader.restore({ ...(await kept()), ...change })).rejects.toMatchObject({ code })
  })
})
