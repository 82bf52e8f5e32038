import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  attackerKey,
  CANARY,
  codeOf,
  exchange,
  type Handler,
  type HostileProvider,
  json,
  START_MS,
  startHostileProvider,
} from '../../../../test/support/hostile-provider.ts'

let hostile: HostileProvider
beforeEach(async () => {
  hostile = await startHostileProvider()
})
afterEach(() => hostile.close())

describe('exchangeCode', () => {
  it('gives a verified set, and proves the client as the provider wants it', async () => {
    const set = await exchange(hostile.client(), hostile.callback())
    expect(set).toMatchObject({
      issuer: hostile.issuer,
      clientId: 'app',
      subject: 'ann',
      accessToken: 'access-1',
      refreshToken: 'refresh-1',
      accessTokenKind: 'opaque',
      accessTokenExpiresAt: START_MS + 300_000,
      scope: 'openid',
    })
    const call = hostile.calls.find(({ path }) => path === '/token')
    expect(Object.fromEntries(call?.body ?? [])).toEqual({
      grant_type: 'authorization_code',
      code: 'code-1',
      redirect_uri: 'https://app.example/auth/callback',
      code_verifier: 'v'.repeat(43),
    })
    const basic = `Basic ${Buffer.from('app:s+e%2Bcret').toString('base64')}`
    expect(call?.headers.authorization).toBe(basic)
  })

  it('posts its secret where basic is not offered, and has none for anything else', async () => {
    hostile.metadata.token_endpoint_auth_methods_supported = ['client_secret_post']
    await exchange(hostile.client(), hostile.callback())
    const call = hostile.calls.find(({ path }) => path === '/token')
    expect(call?.headers.authorization).toBeUndefined()
    expect(call?.body.get('client_secret')).toBe('s e+cret')
    hostile.metadata.token_endpoint_auth_methods_supported = ['none']
    expect(await codeOf(exchange(hostile.client(), hostile.callback()))).toBe(
      'provider_metadata_invalid',
    )
  })

  it.each<[string, Record<string, string>, string]>([
    ['another issuer', { iss: 'https://evil.test' }, 'provider_response_invalid'],
    ['an empty issuer', { iss: '' }, 'provider_response_invalid'],
    ['another state', { state: 'other' }, 'provider_response_invalid'],
    ['an error', { error: 'access_denied', error_description: CANARY }, 'sign_in_refused'],
    ['an unknown error', { error: CANARY }, 'sign_in_refused'],
    ['a busy provider', { error: 'temporarily_unavailable' }, 'provider_unavailable'],
    ['an ID token in the address', { id_token: 'a.b.c' }, 'provider_response_invalid'],
    ['no code', { code: '' }, 'provider_response_invalid'],
  ])('T-LOGIN-02 refuses a callback with %s, and sends no code', async (_, changes, code) => {
    expect(await codeOf(exchange(hostile.client(), hostile.callback(changes)))).toBe(code)
    expect(hostile.paths()).not.toContain('/token')
  })

  it('T-LOGIN-02 wants the issuer in the answer of a provider that promises it', async () => {
    const without = hostile.callback()
    without.delete('iss')
    expect(await codeOf(exchange(hostile.client(), without))).toBe('provider_response_invalid')
    const doubled = hostile.callback()
    doubled.append('iss', 'https://evil.test')
    expect(await codeOf(exchange(hostile.client(), doubled))).toBe('provider_response_invalid')
  })

  it.each<[string, () => Record<string, unknown>]>([
    ['signed by somebody else', () => ({ id_token: hostile.idToken({}, attackerKey) })],
    ['of another issuer', () => ({ id_token: hostile.idToken({ iss: 'https://evil.test' }) })],
    ['for another client', () => ({ id_token: hostile.idToken({ aud: 'other' }) })],
    ['of another sign-in', () => ({ id_token: hostile.idToken({ nonce: 'other' }) })],
    ['without nonce', () => ({ id_token: hostile.idToken({ nonce: undefined }) })],
    ['that is over', () => ({ id_token: hostile.idToken({ exp: hostile.nowMs / 1000 - 60 }) })],
    ['without subject', () => ({ id_token: hostile.idToken({ sub: undefined }) })],
    [
      'of another access token',
      () => ({ id_token: hostile.idToken({ at_hash: 'AAAAAAAAAAAAAAAAAAAAAA' }) }),
    ],
    ['that is missing', () => ({ id_token: undefined })],
    [
      'that is unsigned',
      () => ({ id_token: `${hostile.idToken().split('.').slice(0, 2).join('.')}.` }),
    ],
  ])('T-TOKEN-05 keeps nothing that comes with an ID token %s', async (_, changes) => {
    hostile.onToken = (_request, response) => json(response, 200, hostile.answer(changes()))
    expect(await codeOf(exchange(hostile.client(), hostile.callback()))).toMatch(
      /^(token_|provider_response_invalid)/,
    )
  })

  it.each<[string, Record<string, unknown>]>([
    ['no access token', { access_token: undefined }],
    ['an empty access token', { access_token: '' }],
    ['a DPoP token that nobody asked for', { token_type: 'DPoP' }],
    ['an unknown type', { token_type: 'mac' }],
    ['a lifetime that is none', { expires_in: 'soon' }],
    ['a refresh token that is no text', { refresh_token: { a: 1 } }],
  ])('refuses an answer with %s', async (_, changes) => {
    hostile.onToken = (_request, response) =>
      json(response, 200, hostile.answer({ ...changes, note: CANARY }))
    expect(await codeOf(exchange(hostile.client(), hostile.callback()))).toBe(
      'provider_response_invalid',
    )
  })

  it.each<[string, Handler, string]>([
    [
      'invalid_grant',
      (_, r) => json(r, 400, { error: 'invalid_grant', error_description: CANARY }),
      'provider_refused',
    ],
    [
      'invalid_client',
      (_, r) =>
        json(r, 401, { error: 'invalid_client' }, { 'www-authenticate': 'Basic realm="x"' }),
      'provider_refused',
    ],
    ['an error of its own', (_, r) => json(r, 400, { error: CANARY }), 'provider_refused'],
    [
      '429',
      (_, r) => void r.writeHead(429, { 'retry-after': '7' }).end(CANARY),
      'provider_unavailable',
    ],
    ['503', (_, r) => void r.writeHead(503).end(), 'provider_unavailable'],
    [
      '500 with an OAuth error',
      (_, r) => json(r, 500, { error: 'server_error' }),
      'provider_unavailable',
    ],
    ['a reset', (request) => request.socket.destroy(), 'provider_unavailable'],
    [
      'a redirect',
      (_, r) => void r.writeHead(307, { location: '/elsewhere' }).end(),
      'provider_response_invalid',
    ],
    [
      'a page',
      (_, r) => void r.writeHead(200, { 'content-type': 'text/html' }).end(CANARY),
      'provider_response_invalid',
    ],
    [
      '1 MB',
      (_, r) => json(r, 200, hostile.answer({ x: 'x'.repeat(1_000_000) })),
      'provider_unavailable',
    ],
  ])(
    'T-OPS-03 says what went wrong without a word of the provider: %s',
    async (_, handler, code) => {
      hostile.onToken = handler
      expect(await codeOf(exchange(hostile.client(), hostile.callback()))).toBe(code)
      expect(hostile.paths()).not.toContain('/elsewhere')
    },
  )

  it('verifies the access token where its audience is known', async () => {
    const now = hostile.nowMs / 1000
    const jwt = (aud: string, sub = 'ann'): string =>
      hostile.sign({ iss: hostile.issuer, sub, aud, exp: now + 60 }, 'at+jwt')
    const provider = hostile.client({ audience: 'https://api.example' })
    hostile.onToken = (_, response) =>
      json(response, 200, hostile.answer({ access_token: jwt('https://api.example') }))
    expect((await exchange(provider, hostile.callback())).accessTokenKind).toBe('jwt')
    hostile.onToken = (_, response) =>
      json(response, 200, hostile.answer({ access_token: jwt('https://other.example') }))
    expect(await codeOf(exchange(provider, hostile.callback()))).toBe('token_audience_mismatch')
    hostile.onToken = (_, response) =>
      json(response, 200, hostile.answer({ access_token: jwt('https://api.example', 'bob') }))
    expect(await codeOf(exchange(provider, hostile.callback()))).toBe('token_subject_mismatch')
    hostile.onToken = (_, response) => json(response, 200, hostile.answer())
    expect(await codeOf(exchange(provider, hostile.callback()))).toBe('token_malformed')
  })
})
