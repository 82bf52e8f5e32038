import { createHash } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  CANARY,
  caught,
  codeOf,
  type Handler,
  type HostileProvider,
  json,
  START_MS,
  startHostileProvider,
} from '../../../../test/support/hostile-provider.ts'
import { Secret } from '../core/secret.ts'
import { allowInsecureHttp } from '../core/unsafe.ts'
import type { ProviderOptions } from './provider-options.ts'

let hostile: HostileProvider
beforeEach(async () => {
  hostile = await startHostileProvider()
})
afterEach(() => hostile.close())

describe('createProvider', () => {
  it.each<[string, Partial<ProviderOptions>, RegExp]>([
    ['no secret', { clientSecret: undefined as never }, /confidential client/],
    ['an empty secret', { clientSecret: new Secret('') }, /confidential client/],
    ['a secret that is a plain string', { clientSecret: 'x' as never }, /confidential client/],
    ['no client', { clientId: '' }, /clientId/],
    ['an issuer with a query', { issuer: 'https://idp.example/?a' }, /issuer/],
    ['an issuer that is no address', { issuer: 'idp' }, /issuer/],
    ['a time limit beyond the lease', { timeoutMs: 60_000 }, /timeoutMs/],
    ['a grace that is no number', { refreshReuseGraceSeconds: Number.NaN }, /Grace/],
  ])('T-LOGIN-03 fails at construction with %s', (_, extra, message) => {
    expect(() => hostile.client(extra)).toThrow(message)
  })

  it('wants https unless it is told otherwise by the symbol', () => {
    expect(() => hostile.client({ [allowInsecureHttp]: false })).toThrow(/https/)
  })
})

describe('authorizationUrl', () => {
  const request = { redirectUri: 'https://app.example/cb', state: 's', nonce: 'n', scope: 'openid' }

  it('asks for a code with PKCE, and lets no extra parameter overrule it', async () => {
    const codeVerifier = 'v'.repeat(43)
    const extra = {
      prompt: 'login',
      code_challenge_method: 'plain',
      response_type: 'token',
      client_id: 'x',
    }
    const url = new URL(
      await hostile.client().authorizationUrl({ ...request, codeVerifier, extra }),
    )
    expect(Object.fromEntries(url.searchParams)).toEqual({
      tenant: '1',
      prompt: 'login',
      client_id: 'app',
      response_type: 'code',
      redirect_uri: request.redirectUri,
      scope: 'openid',
      state: 's',
      nonce: 'n',
      code_challenge: createHash('sha256').update(codeVerifier).digest('base64url'),
      code_challenge_method: 'S256',
    })
  })
})

describe('discovery', () => {
  it('is asked once, however many ask at once', async () => {
    const provider = hostile.client()
    await Promise.all(Array.from({ length: 20 }, () => provider.ready()))
    await provider.ready()
    expect(hostile.paths()).toEqual(['/.well-known/openid-configuration'])
    expect(provider.health()).toEqual({ ok: true, checkedAt: START_MS })
  })

  it('answers provider_unavailable with a time while the provider is down, then recovers', async () => {
    const good = hostile.onDiscovery
    hostile.onDiscovery = (_, response) => json(response, 500, { error: CANARY })
    const provider = hostile.client()
    const error = await caught(provider.ready())
    expect([error.code, error.status, error.retryAfterSeconds]).toEqual([
      'provider_unavailable',
      503,
      5,
    ])
    expect(provider.health()).toMatchObject({ ok: false, reason: 'provider_unavailable' })
    hostile.onDiscovery = good
    expect(await codeOf(provider.ready())).toBe('provider_unavailable')
    expect(hostile.calls).toHaveLength(1)
    hostile.nowMs += 2000
    await provider.ready()
    expect(provider.health().ok).toBe(true)
  })

  it('goes on with the metadata that it has while the provider is down', async () => {
    const provider = hostile.client()
    await provider.ready()
    hostile.onDiscovery = (_, response) => json(response, 500, {})
    hostile.nowMs += 7_200_000
    await provider.ready()
    expect(await provider.endSessionEndpoint()).toBe(`${hostile.issuer}/end`)
  })

  it('is tried again by whoever asks for the health', async () => {
    const provider = hostile.client()
    expect(provider.health().ok).toBe(false)
    await provider.ready()
    expect(provider.health().ok).toBe(true)
    expect(hostile.calls).toHaveLength(1)
  })

  it.each<[string, () => Record<string, unknown>]>([
    ['another issuer', () => ({ issuer: 'https://evil.test' })],
    ['the issuer with a slash', () => ({ issuer: `${hostile.issuer}/` })],
    ['no issuer', () => ({ issuer: undefined })],
    ['no token endpoint', () => ({ token_endpoint: undefined })],
    ['no keys', () => ({ jwks_uri: undefined })],
    ['a token endpoint in a file', () => ({ token_endpoint: 'file:///etc/passwd' })],
    ['a script as sign-in page', () => ({ authorization_endpoint: 'javascript:alert(1)' })],
    ['a script as sign-out page', () => ({ end_session_endpoint: 'javascript:alert(1)' })],
    ['a password in an address', () => ({ token_endpoint: 'http://u:p@127.0.0.1/token' })],
  ])('T-LOGIN-02 refuses metadata with %s', async (_, changes) => {
    hostile.metadata = { ...hostile.metadata, ...changes() }
    expect(await codeOf(hostile.client().ready())).toBe('provider_metadata_invalid')
  })

  it.each([
    'https://169.254.169.254/latest',
    'https://0xA9FEA9FE/latest',
    'https://2852039166/latest',
    'https://[::1]/token',
    'https://[::ffff:169.254.169.254]/token',
    'https://localhost/token',
    'https://localhost./token',
    'https://admin.localhost/token',
    'https://vault/token',
    'https://vault.internal/token',
    'https://metadata.google.internal/token',
    'https://nas.local/token',
    'https://router.home.arpa/token',
  ])('T-OPS-05 calls no address in our own network that metadata names: %s', async (address) => {
    for (const name of ['token_endpoint', 'jwks_uri', 'revocation_endpoint']) {
      const client = hostile.client()
      hostile.metadata = { ...hostile.metadata, [name]: address }
      expect(await codeOf(client.ready())).toBe('provider_metadata_invalid')
      hostile.metadata = { ...hostile.metadata, [name]: `${hostile.issuer}/ok` }
    }
  })

  it('T-OPS-05 calls the hosts that are listed, and no other then', async () => {
    const address = 'https://oauth2.idp.example/token'
    hostile.metadata = { ...hostile.metadata, token_endpoint: address }
    await hostile.client().ready()
    await hostile.client({ endpointHosts: ['oauth2.idp.example'] }).ready()
    expect(await codeOf(hostile.client({ endpointHosts: [] }).ready())).toBe(
      'provider_metadata_invalid',
    )
    hostile.metadata = { ...hostile.metadata, token_endpoint: 'https://vault.internal/token' }
    await hostile.client({ endpointHosts: ['vault.internal'] }).ready()
  })

  it.each<[string, Handler]>([
    [
      'garbage',
      (_, response) =>
        void response.writeHead(200, { 'content-type': 'application/json' }).end('<'),
    ],
    [
      'a page',
      (_, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('{}'),
    ],
  ])('refuses %s', async (_, handler) => {
    hostile.onDiscovery = handler
    expect(await codeOf(hostile.client().ready())).toBe('provider_metadata_invalid')
  })

  it.each<[string, Handler]>([
    [
      'a redirect',
      (_, response) => void response.writeHead(302, { location: `${hostile.issuer}/keys` }).end(),
    ],
    ['a reset', (request) => request.socket.destroy()],
    [
      '1 MB',
      (_, response) => json(response, 200, { ...hostile.metadata, x: 'x'.repeat(1_000_000) }),
    ],
  ])('does without %s', async (_, handler) => {
    hostile.onDiscovery = handler
    expect(await codeOf(hostile.client().ready())).toBe('provider_unavailable')
    expect(hostile.calls).toHaveLength(1)
  })

  it('gives up on one that never answers', async () => {
    hostile.onDiscovery = () => {}
    expect(await codeOf(hostile.client({ timeoutMs: 50 }).ready())).toBe('provider_unavailable')
  })
})

describe('revoke', () => {
  it('names the token and its kind', async () => {
    await hostile.client().revoke('refresh-1')
    const call = hostile.calls.find(({ path }) => path === '/revoke')
    expect(Object.fromEntries(call?.body ?? [])).toEqual({
      token: 'refresh-1',
      token_type_hint: 'refresh_token',
    })
    expect(call?.headers.authorization).toMatch(/^Basic /)
  })

  it('does nothing where the provider cannot', async () => {
    hostile.metadata.revocation_endpoint = undefined
    await hostile.client().revoke('refresh-1')
    expect(hostile.paths()).toEqual(['/.well-known/openid-configuration'])
  })

  it.each<[string, Handler, string]>([
    ['503', (_, r) => void r.writeHead(503).end(), 'provider_unavailable'],
    ['a reset', (request) => request.socket.destroy(), 'provider_unavailable'],
    [
      'unsupported_token_type',
      (_, r) => json(r, 400, { error: 'unsupported_token_type' }),
      'provider_refused',
    ],
  ])('says so when it fails: %s', async (_, handler, code) => {
    hostile.onRevoke = handler
    expect(await codeOf(hostile.client().revoke('refresh-1'))).toBe(code)
  })
})
