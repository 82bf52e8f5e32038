import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { keyPair, makeToken, publicJwk } from '../../../../lab/hostile-tokens/signer.mjs'
import { CoatcheckError } from '../core/errors.ts'
import { Secret } from '../core/secret.ts'
import { allowInsecureHttp } from '../core/unsafe.ts'
import type { VerifiedTokenSet } from '../tokens/verified-token-set.ts'
import { createProvider, type Provider, type ProviderOptions } from './provider.ts'

// A provider written by hand, because no real one misbehaves on demand.
type Handler = (request: IncomingMessage, response: ServerResponse, body: URLSearchParams) => void

const START_MS = 1_800_000_000_000
const CANARY = 'canary-of-the-provider'
const key = keyPair('RSA')
const attacker = keyPair('RSA')

let server: Server
let issuer: string
let nowMs: number
let metadata: Record<string, unknown>
let onToken: Handler
let onRevoke: Handler
let onKeys: Handler
let onDiscovery: Handler
let calls: { path: string; headers: IncomingMessage['headers']; body: URLSearchParams }[]

const json = (response: ServerResponse, status: number, value: unknown, headers = {}): void => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify(value))
}

function idToken(changes: Record<string, unknown> = {}, signer = key): string {
  const now = nowMs / 1000
  const claims = {
    iss: issuer,
    sub: 'ann',
    aud: 'app',
    iat: now,
    exp: now + 300,
    nonce: 'n',
    ...changes,
  }
  return makeToken({ alg: 'RS256', kid: 'one' }, claims, signer.privateKey)
}

const answer = (changes: Record<string, unknown> = {}): Record<string, unknown> => ({
  access_token: 'access-1',
  token_type: 'Bearer',
  expires_in: 300,
  refresh_token: 'refresh-1',
  id_token: idToken(),
  scope: 'openid',
  ...changes,
})

beforeEach(async () => {
  calls = []
  nowMs = START_MS
  onToken = (_, response) => json(response, 200, answer())
  onRevoke = (_, response) => void response.writeHead(200).end()
  onKeys = (_, response) =>
    json(response, 200, { keys: [publicJwk(key, { kid: 'one', alg: 'RS256' })] })
  onDiscovery = (_, response) => json(response, 200, metadata)
  server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const path = request.url ?? ''
      const body = new URLSearchParams(Buffer.concat(parts).toString())
      calls.push({ path, headers: request.headers, body })
      const handlers: Record<string, Handler> = {
        '/.well-known/openid-configuration': onDiscovery,
        '/token': onToken,
        '/keys': onKeys,
        '/revoke': onRevoke,
      }
      handlers[path]?.(request, response, body)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  metadata = {
    issuer,
    authorization_endpoint: `${issuer}/authorize?tenant=1`,
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}/keys`,
    revocation_endpoint: `${issuer}/revoke`,
    end_session_endpoint: `${issuer}/end`,
    authorization_response_iss_parameter_supported: true,
  }
})

afterEach(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

function make(extra: Partial<ProviderOptions> = {}): Provider {
  return createProvider({
    issuer,
    clientId: 'app',
    clientSecret: new Secret('s e+cret'),
    clock: () => nowMs,
    timeoutMs: 3000,
    [allowInsecureHttp]: true,
    ...extra,
  })
}

const callback = (changes: Record<string, string> = {}): URLSearchParams =>
  new URLSearchParams({ code: 'code-1', state: 's', iss: issuer, ...changes })

function exchange(provider: Provider, parameters = callback()): Promise<VerifiedTokenSet> {
  const redirectUri = 'https://app.example/auth/callback'
  const codeVerifier = 'v'.repeat(43)
  return provider.exchangeCode({
    callback: parameters,
    redirectUri,
    state: 's',
    nonce: 'n',
    codeVerifier,
  })
}

async function caught(promise: Promise<unknown>): Promise<CoatcheckError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!(error instanceof CoatcheckError)) throw new Error(`not refused by us: ${error}`)
  const text = `${error.message} ${error.stack} ${JSON.stringify(error)} ${JSON.stringify(error.cause)}`
  expect(text).not.toContain(CANARY)
  return error
}

const codeOf = async (promise: Promise<unknown>): Promise<string> => (await caught(promise)).code

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
    expect(() => make(extra)).toThrow(message)
  })

  it('wants https unless it is told otherwise by the symbol', () => {
    expect(() => make({ [allowInsecureHttp]: false })).toThrow(/https/)
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
    const url = new URL(await make().authorizationUrl({ ...request, codeVerifier, extra }))
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
    const provider = make()
    await Promise.all(Array.from({ length: 20 }, () => provider.ready()))
    await provider.ready()
    expect(calls.map(({ path }) => path)).toEqual(['/.well-known/openid-configuration'])
    expect(provider.health()).toEqual({ ok: true, checkedAt: START_MS })
  })

  it('answers provider_unavailable with a time while the provider is down, then recovers', async () => {
    const good = onDiscovery
    onDiscovery = (_, response) => json(response, 500, { error: CANARY })
    const provider = make()
    const error = await caught(provider.ready())
    expect([error.code, error.status, error.retryAfterSeconds]).toEqual([
      'provider_unavailable',
      503,
      5,
    ])
    expect(provider.health()).toMatchObject({ ok: false, reason: 'provider_unavailable' })
    onDiscovery = good
    expect(await codeOf(provider.ready())).toBe('provider_unavailable')
    expect(calls).toHaveLength(1)
    nowMs += 2000
    await provider.ready()
    expect(provider.health().ok).toBe(true)
  })

  it('goes on with the metadata that it has while the provider is down', async () => {
    const provider = make()
    await provider.ready()
    onDiscovery = (_, response) => json(response, 500, {})
    nowMs += 7_200_000
    await provider.ready()
    expect(await provider.endSessionEndpoint()).toBe(`${issuer}/end`)
  })

  it('is tried again by whoever asks for the health', async () => {
    const provider = make()
    expect(provider.health().ok).toBe(false)
    await provider.ready()
    expect(provider.health().ok).toBe(true)
    expect(calls).toHaveLength(1)
  })

  it.each<[string, () => Record<string, unknown>]>([
    ['another issuer', () => ({ issuer: 'https://evil.test' })],
    ['the issuer with a slash', () => ({ issuer: `${issuer}/` })],
    ['no issuer', () => ({ issuer: undefined })],
    ['no token endpoint', () => ({ token_endpoint: undefined })],
    ['no keys', () => ({ jwks_uri: undefined })],
    ['a token endpoint in a file', () => ({ token_endpoint: 'file:///etc/passwd' })],
    ['a script as sign-in page', () => ({ authorization_endpoint: 'javascript:alert(1)' })],
    ['a script as sign-out page', () => ({ end_session_endpoint: 'javascript:alert(1)' })],
    ['a password in an address', () => ({ token_endpoint: 'http://u:p@127.0.0.1/token' })],
  ])('T-LOGIN-02 refuses metadata with %s', async (_, changes) => {
    metadata = { ...metadata, ...changes() }
    expect(await codeOf(make().ready())).toBe('provider_metadata_invalid')
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
    onDiscovery = handler
    expect(await codeOf(make().ready())).toBe('provider_metadata_invalid')
  })

  it.each<[string, Handler]>([
    [
      'a redirect',
      (_, response) => void response.writeHead(302, { location: `${issuer}/keys` }).end(),
    ],
    ['a reset', (request) => request.socket.destroy()],
    ['1 MB', (_, response) => json(response, 200, { ...metadata, x: 'x'.repeat(1_000_000) })],
  ])('does without %s', async (_, handler) => {
    onDiscovery = handler
    expect(await codeOf(make().ready())).toBe('provider_unavailable')
    expect(calls).toHaveLength(1)
  })

  it('gives up on one that never answers', async () => {
    onDiscovery = () => {}
    expect(await codeOf(make({ timeoutMs: 50 }).ready())).toBe('provider_unavailable')
  })
})

describe('exchangeCode', () => {
  it('gives a verified set, and proves the client as the provider wants it', async () => {
    const set = await exchange(make())
    expect(set).toMatchObject({
      issuer,
      clientId: 'app',
      subject: 'ann',
      accessToken: 'access-1',
      refreshToken: 'refresh-1',
      accessTokenKind: 'opaque',
      accessTokenExpiresAt: START_MS + 300_000,
      scope: 'openid',
    })
    const call = calls.find(({ path }) => path === '/token')
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
    metadata.token_endpoint_auth_methods_supported = ['client_secret_post']
    await exchange(make())
    const call = calls.find(({ path }) => path === '/token')
    expect(call?.headers.authorization).toBeUndefined()
    expect(call?.body.get('client_secret')).toBe('s e+cret')
    metadata.token_endpoint_auth_methods_supported = ['none']
    expect(await codeOf(exchange(make()))).toBe('provider_metadata_invalid')
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
    expect(await codeOf(exchange(make(), callback(changes)))).toBe(code)
    expect(calls.map(({ path }) => path)).not.toContain('/token')
  })

  it('T-LOGIN-02 wants the issuer in the answer of a provider that promises it', async () => {
    const without = callback()
    without.delete('iss')
    expect(await codeOf(exchange(make(), without))).toBe('provider_response_invalid')
    const doubled = callback()
    doubled.append('iss', 'https://evil.test')
    expect(await codeOf(exchange(make(), doubled))).toBe('provider_response_invalid')
  })

  it.each<[string, () => Record<string, unknown>]>([
    ['signed by somebody else', () => ({ id_token: idToken({}, attacker) })],
    ['of another issuer', () => ({ id_token: idToken({ iss: 'https://evil.test' }) })],
    ['for another client', () => ({ id_token: idToken({ aud: 'other' }) })],
    ['of another sign-in', () => ({ id_token: idToken({ nonce: 'other' }) })],
    ['without nonce', () => ({ id_token: idToken({ nonce: undefined }) })],
    ['that is over', () => ({ id_token: idToken({ exp: nowMs / 1000 - 60 }) })],
    ['without subject', () => ({ id_token: idToken({ sub: undefined }) })],
    [
      'of another access token',
      () => ({ id_token: idToken({ at_hash: 'AAAAAAAAAAAAAAAAAAAAAA' }) }),
    ],
    ['that is missing', () => ({ id_token: undefined })],
    ['that is unsigned', () => ({ id_token: `${idToken().split('.').slice(0, 2).join('.')}.` })],
  ])('T-TOKEN-05 keeps nothing that comes with an ID token %s', async (_, changes) => {
    onToken = (_request, response) => json(response, 200, answer(changes()))
    expect(await codeOf(exchange(make()))).toMatch(/^(token_|provider_response_invalid)/)
  })

  it.each<[string, Record<string, unknown>]>([
    ['no access token', { access_token: undefined }],
    ['an empty access token', { access_token: '' }],
    ['a DPoP token that nobody asked for', { token_type: 'DPoP' }],
    ['an unknown type', { token_type: 'mac' }],
    ['a lifetime that is none', { expires_in: 'soon' }],
    ['a refresh token that is no text', { refresh_token: { a: 1 } }],
  ])('refuses an answer with %s', async (_, changes) => {
    onToken = (_request, response) => json(response, 200, answer({ ...changes, note: CANARY }))
    expect(await codeOf(exchange(make()))).toBe('provider_response_invalid')
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
    ['1 MB', (_, r) => json(r, 200, answer({ x: 'x'.repeat(1_000_000) })), 'provider_unavailable'],
  ])(
    'T-OPS-03 says what went wrong without a word of the provider: %s',
    async (_, handler, code) => {
      onToken = handler
      expect(await codeOf(exchange(make()))).toBe(code)
      expect(calls.map(({ path }) => path)).not.toContain('/elsewhere')
    },
  )

  it('verifies the access token where its audience is known', async () => {
    const now = nowMs / 1000
    const jwt = (aud: string, sub = 'ann'): string =>
      makeToken(
        { alg: 'RS256', kid: 'one', typ: 'at+jwt' },
        { iss: issuer, sub, aud, exp: now + 60 },
        key.privateKey,
      )
    const provider = make({ audience: 'https://api.example' })
    onToken = (_, response) =>
      json(response, 200, answer({ access_token: jwt('https://api.example') }))
    expect((await exchange(provider)).accessTokenKind).toBe('jwt')
    onToken = (_, response) =>
      json(response, 200, answer({ access_token: jwt('https://other.example') }))
    expect(await codeOf(exchange(provider))).toBe('token_audience_mismatch')
    onToken = (_, response) =>
      json(response, 200, answer({ access_token: jwt('https://api.example', 'bob') }))
    expect(await codeOf(exchange(provider))).toBe('token_subject_mismatch')
    onToken = (_, response) => json(response, 200, answer())
    expect(await codeOf(exchange(provider))).toBe('token_malformed')
  })
})

describe('renew', () => {
  async function signedIn(extra: Partial<ProviderOptions> = {}) {
    const provider = make(extra)
    const tokenSet = await exchange(provider)
    calls = []
    return {
      provider,
      tokenSet,
      renew: () => provider.renew({ refreshToken: 'refresh-1', tokenSet }),
    }
  }

  it('gives the next set, and keeps what the answer does not name', async () => {
    const { renew, tokenSet } = await signedIn()
    onToken = (_, response) =>
      json(response, 200, { access_token: 'access-2', token_type: 'bearer', expires_in: 60 })
    const outcome = await renew()
    expect(outcome.kind).toBe('renewed')
    if (outcome.kind !== 'renewed') return
    expect(outcome.tokenSet).toMatchObject({
      accessToken: 'access-2',
      refreshToken: 'refresh-1',
      idToken: tokenSet.idToken,
      scope: 'openid',
      subject: 'ann',
      accessTokenExpiresAt: START_MS + 60_000,
    })
    const [call] = calls
    expect(Object.fromEntries(call?.body ?? [])).toEqual({
      grant_type: 'refresh_token',
      refresh_token: 'refresh-1',
    })
    expect(call?.headers.connection).toBe('close')
  })

  const later: Handler = (_, r) => void r.writeHead(503, { 'retry-after': '9' }).end()
  it.each<[string, Handler, object]>([
    ['invalid_grant', (_, r) => json(r, 400, { error: 'invalid_grant' }), { kind: 'refused' }],
    [
      'invalid_grant behind 401',
      (_, r) => json(r, 401, { error: 'invalid_grant' }),
      { kind: 'refused' },
    ],
    [
      '429',
      (_, r) => void r.writeHead(429, { 'retry-after': '7' }).end(),
      { kind: 'not_spent', retryAfterSeconds: 7 },
    ],
    ['429 without a time', (_, r) => void r.writeHead(429).end(), { kind: 'not_spent' }],
    ['503', later, { kind: 'not_spent', retryAfterSeconds: 9 }],
    [
      '503 with invalid_grant',
      (_, r) => json(r, 503, { error: 'invalid_grant' }),
      { kind: 'not_spent' },
    ],
    [
      'a time in a thousand years',
      (_, r) => void r.writeHead(503, { 'retry-after': '999999999' }).end(),
      { kind: 'not_spent', retryAfterSeconds: 3600 },
    ],
    [
      'a time as a date',
      (_, r) =>
        void r.writeHead(503, { 'retry-after': new Date(START_MS + 30_000).toUTCString() }).end(),
      { kind: 'not_spent', retryAfterSeconds: 30 },
    ],
    [
      'a time that is none',
      (_, r) => void r.writeHead(503, { 'retry-after': 'soon' }).end(),
      { kind: 'not_spent' },
    ],
    [
      'invalid_client',
      (_, r) => json(r, 401, { error: 'invalid_client' }, { 'www-authenticate': 'Basic' }),
      { kind: 'not_spent' },
    ],
    ['invalid_scope', (_, r) => json(r, 400, { error: 'invalid_scope' }), { kind: 'not_spent' }],
    ['404', (_, r) => void r.writeHead(404).end('nothing here'), { kind: 'not_spent' }],
    ['500', (_, r) => json(r, 500, { error: 'invalid_grant' }), { kind: 'lost' }],
    ['502', (_, r) => void r.writeHead(502).end(), { kind: 'lost' }],
    ['504', (_, r) => void r.writeHead(504).end(), { kind: 'lost' }],
    ['a redirect', (_, r) => void r.writeHead(302, { location: '/' }).end(), { kind: 'lost' }],
    ['204', (_, r) => void r.writeHead(204).end(), { kind: 'lost' }],
    ['a reset', (request) => request.socket.destroy(), { kind: 'lost' }],
    ['silence', () => {}, { kind: 'lost' }],
    [
      'half an answer',
      (request, r) => {
        r.writeHead(200, { 'content-type': 'application/json', 'content-length': '500' }).write(
          '{"access_token":',
        )
        setImmediate(() => request.socket.destroy())
      },
      { kind: 'lost' },
    ],
    [
      'a page',
      (_, r) => void r.writeHead(200, { 'content-type': 'text/html' }).end('<p>'),
      { kind: 'lost' },
    ],
    ['no access token', (_, r) => json(r, 200, { token_type: 'bearer' }), { kind: 'lost' }],
  ])('T-RENEW-04 tells what became of the token: %s', async (_, handler, expected) => {
    const { renew } = await signedIn({ timeoutMs: 300 })
    onToken = handler
    expect(await renew()).toEqual(expected)
    expect(calls.filter(({ path }) => path === '/token')).toHaveLength(1)
  })

  it('T-RENEW-04 knows that nothing was sent when nobody listens', async () => {
    const { renew } = await signedIn()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    expect(await renew()).toEqual({ kind: 'not_spent' })
  })

  it('T-RENEW-04 knows that nothing was sent when discovery never succeeded', async () => {
    const { tokenSet } = await signedIn()
    onDiscovery = (_, response) => json(response, 500, {})
    const provider = make()
    expect(await provider.renew({ refreshToken: 'refresh-1', tokenSet })).toEqual({
      kind: 'not_spent',
    })
    expect(calls.map(({ path }) => path)).not.toContain('/token')
  })

  it.each([
    'ENOTFOUND',
    'EAI_AGAIN',
    'EHOSTUNREACH',
    'UND_ERR_CONNECT_TIMEOUT',
    'CERT_HAS_EXPIRED',
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    'ERR_TLS_CERT_ALTNAME_INVALID',
    'ERR_SSL_WRONG_VERSION_NUMBER',
  ])('T-RENEW-04 takes %s for not sent', async (code) => {
    const { tokenSet } = await signedIn()
    expect(await renewWithFetchError(tokenSet, { code })).toEqual({ kind: 'not_spent' })
  })

  it.each(['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'UND_ERR_SOCKET', 'UND_ERR_HEADERS_TIMEOUT', ''])(
    'T-RENEW-04 takes %s for lost',
    async (code) => {
      const { tokenSet } = await signedIn()
      expect(await renewWithFetchError(tokenSet, { code })).toEqual({ kind: 'lost' })
    },
  )

  it('T-RENEW-04 takes a time-out of connecting for not sent', async () => {
    const { tokenSet } = await signedIn()
    const outcome = renewWithFetchError(tokenSet, { code: 'ETIMEDOUT', syscall: 'connect' })
    expect(await outcome).toEqual({ kind: 'not_spent' })
  })

  // The platform's fetch, until the call that fails as it does on a broken network.
  function renewWithFetchError(tokenSet: VerifiedTokenSet, members: object) {
    const cause = Object.assign(new Error(CANARY), members)
    const provider = make({
      fetch: async (address, init) => {
        if (address.endsWith('/token')) throw new TypeError('fetch failed', { cause })
        return fetch(address, init)
      },
    })
    return provider.renew({ refreshToken: 'refresh-1', tokenSet })
  }

  it.each<[string, () => Record<string, unknown>]>([
    ['subject', () => ({ id_token: idToken({ sub: 'bob' }) })],
    ['issuer', () => ({ id_token: idToken({ iss: 'https://evil.test' }) })],
    ['audience', () => ({ id_token: idToken({ aud: ['app', 'other'], azp: 'app' }) })],
    ['nonce', () => ({ id_token: idToken({ nonce: 'other' }) })],
    ['signature', () => ({ id_token: idToken({}, attacker) })],
  ])('T-RENEW-02 takes nothing from a provider that swaps the %s', async (_, changes) => {
    const { renew } = await signedIn()
    onToken = (_request, response) => json(response, 200, answer(changes()))
    expect(await renew()).toEqual({ kind: 'lost' })
  })

  it('goes on with the verified ID token when the keys cannot be had, but not for another subject', async () => {
    const { tokenSet } = await signedIn()
    onKeys = (_, response) => json(response, 500, {})
    onToken = (_, response) => json(response, 200, answer({ access_token: 'access-2' }))
    const outcome = await make().renew({ refreshToken: 'refresh-1', tokenSet })
    expect(outcome).toMatchObject({
      kind: 'renewed',
      tokenSet: { accessToken: 'access-2', idToken: tokenSet.idToken },
    })
    onToken = (_, response) => json(response, 200, answer({ id_token: idToken({ sub: 'bob' }) }))
    expect(await make().renew({ refreshToken: 'refresh-1', tokenSet })).toEqual({ kind: 'lost' })
  })
})

describe('revoke', () => {
  it('names the token and its kind', async () => {
    await make().revoke('refresh-1')
    const call = calls.find(({ path }) => path === '/revoke')
    expect(Object.fromEntries(call?.body ?? [])).toEqual({
      token: 'refresh-1',
      token_type_hint: 'refresh_token',
    })
    expect(call?.headers.authorization).toMatch(/^Basic /)
  })

  it('does nothing where the provider cannot', async () => {
    metadata.revocation_endpoint = undefined
    await make().revoke('refresh-1')
    expect(calls.map(({ path }) => path)).toEqual(['/.well-known/openid-configuration'])
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
    onRevoke = handler
    expect(await codeOf(make().revoke('refresh-1'))).toBe(code)
  })
})
