import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  attackerKey,
  CANARY,
  exchange,
  type Handler,
  type HostileProvider,
  json,
  START_MS,
  startHostileProvider,
} from '../../../../test/support/hostile-provider.ts'
import type { VerifiedTokenSet } from '../tokens/verified-token-set.ts'
import type { ProviderOptions } from './provider-options.ts'

let hostile: HostileProvider
beforeEach(async () => {
  hostile = await startHostileProvider()
})
afterEach(() => hostile.close())

describe('renew', () => {
  async function signedIn(extra: Partial<ProviderOptions> = {}) {
    const provider = hostile.client(extra)
    const tokenSet = await exchange(provider, hostile.callback())
    hostile.calls = []
    return {
      provider,
      tokenSet,
      renew: () => provider.renew({ refreshToken: 'refresh-1', tokenSet }),
    }
  }

  it('gives the next set, and keeps what the answer does not name', async () => {
    const { renew, tokenSet } = await signedIn()
    hostile.onToken = (_, response) =>
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
    const [call] = hostile.calls
    expect(Object.fromEntries(call?.body ?? [])).toEqual({
      grant_type: 'refresh_token',
      refresh_token: 'refresh-1',
    })
    expect(call?.headers.connection).toBe('close')
  })

  const later: Handler = (_, r) => void r.writeHead(503, { 'retry-after': '9' }).end()
  it.each<[string, Handler, object]>([
    [
      'invalid_grant',
      (_, r) => json(r, 400, { error: 'invalid_grant' }),
      { kind: 'refused', why: 'invalid_grant' },
    ],
    [
      'invalid_grant behind 401',
      (_, r) => json(r, 401, { error: 'invalid_grant' }),
      { kind: 'refused', why: 'invalid_grant' },
    ],
    [
      '429',
      (_, r) => void r.writeHead(429, { 'retry-after': '7' }).end(),
      { kind: 'not_spent', retryAfterSeconds: 7, why: 'status_429', everyone: true },
    ],
    [
      '429 without a time',
      (_, r) => void r.writeHead(429).end(),
      { kind: 'not_spent', why: 'status_429', everyone: true },
    ],
    ['503', later, { kind: 'not_spent', retryAfterSeconds: 9, why: 'status_503' }],
    [
      '503 with invalid_grant',
      (_, r) => json(r, 503, { error: 'invalid_grant' }),
      { kind: 'not_spent', why: 'status_503' },
    ],
    [
      'a time in a thousand years',
      (_, r) => void r.writeHead(503, { 'retry-after': '999999999' }).end(),
      { kind: 'not_spent', retryAfterSeconds: 3600, why: 'status_503' },
    ],
    [
      'a time as a date',
      (_, r) =>
        void r.writeHead(503, { 'retry-after': new Date(START_MS + 30_000).toUTCString() }).end(),
      { kind: 'not_spent', retryAfterSeconds: 30, why: 'status_503' },
    ],
    [
      'a time that is none',
      (_, r) => void r.writeHead(503, { 'retry-after': 'soon' }).end(),
      { kind: 'not_spent', why: 'status_503' },
    ],
    [
      'invalid_client',
      (_, r) => json(r, 401, { error: 'invalid_client' }, { 'www-authenticate': 'Basic' }),
      { kind: 'not_spent', why: 'invalid_client' },
    ],
    [
      'invalid_scope',
      (_, r) => json(r, 400, { error: 'invalid_scope' }),
      { kind: 'not_spent', why: 'invalid_scope' },
    ],
    [
      '404',
      (_, r) => void r.writeHead(404).end('nothing here'),
      { kind: 'not_spent', why: 'status_404' },
    ],
    [
      '500',
      (_, r) => json(r, 500, { error: 'invalid_grant' }),
      { kind: 'lost', why: 'status_500' },
    ],
    ['502', (_, r) => void r.writeHead(502).end(), { kind: 'lost', why: 'status_502' }],
    ['504', (_, r) => void r.writeHead(504).end(), { kind: 'lost', why: 'status_504' }],
    [
      'a redirect',
      (_, r) => void r.writeHead(302, { location: '/' }).end(),
      { kind: 'lost', why: 'status_302' },
    ],
    ['204', (_, r) => void r.writeHead(204).end(), { kind: 'lost', why: 'status_204' }],
    ['a reset', (request) => request.socket.destroy(), { kind: 'lost', why: 'no_answer' }],
    ['silence', () => {}, { kind: 'lost', why: 'no_answer' }],
    [
      'half an answer',
      (request, r) => {
        r.writeHead(200, { 'content-type': 'application/json', 'content-length': '500' }).write(
          '{"access_token":',
        )
        setImmediate(() => request.socket.destroy())
      },
      { kind: 'lost', why: 'no_answer' },
    ],
    [
      'a page',
      (_, r) => void r.writeHead(200, { 'content-type': 'text/html' }).end('<p>'),
      { kind: 'lost', why: 'answer_unreadable' },
    ],
    [
      'no access token',
      (_, r) => json(r, 200, { token_type: 'bearer' }),
      { kind: 'lost', why: 'answer_unreadable' },
    ],
  ])('T-RENEW-04 tells what became of the token: %s', async (_, handler, expected) => {
    const { tokenSet } = await signedIn()
    hostile.onToken = handler
    const impatient = hostile.client({ timeoutMs: 300 })
    await impatient.ready()
    expect(await impatient.renew({ refreshToken: 'refresh-1', tokenSet })).toEqual(expected)
    expect(hostile.calls.filter(({ path }) => path === '/token')).toHaveLength(1)
  })

  it('T-RENEW-04 knows that nothing was sent when nobody listens', async () => {
    const { renew } = await signedIn()
    await hostile.close()
    expect(await renew()).toEqual({ kind: 'not_spent', why: 'not_reached' })
  })

  it('T-RENEW-04 knows that nothing was sent when discovery never succeeded', async () => {
    const { tokenSet } = await signedIn()
    hostile.onDiscovery = (_, response) => json(response, 500, {})
    const provider = hostile.client()
    expect(await provider.renew({ refreshToken: 'refresh-1', tokenSet })).toEqual({
      kind: 'not_spent',
      why: 'not_reached',
    })
    expect(hostile.paths()).not.toContain('/token')
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
    expect(await renewWithFetchError(tokenSet, { code })).toEqual({
      kind: 'not_spent',
      why: 'not_reached',
    })
  })

  it.each(['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'UND_ERR_SOCKET', 'UND_ERR_HEADERS_TIMEOUT', ''])(
    'T-RENEW-04 takes %s for lost',
    async (code) => {
      const { tokenSet } = await signedIn()
      expect(await renewWithFetchError(tokenSet, { code })).toEqual({
        kind: 'lost',
        why: 'no_answer',
      })
    },
  )

  it('T-RENEW-04 takes a time-out of connecting for not sent', async () => {
    const { tokenSet } = await signedIn()
    const outcome = renewWithFetchError(tokenSet, { code: 'ETIMEDOUT', syscall: 'connect' })
    expect(await outcome).toEqual({ kind: 'not_spent', why: 'not_reached' })
  })

  // The platform's fetch, until the call that fails as it does on a broken network.
  function renewWithFetchError(tokenSet: VerifiedTokenSet, members: object) {
    const cause = Object.assign(new Error(CANARY), members)
    const provider = hostile.client({
      fetch: async (address, init) => {
        if (address.endsWith('/token')) throw new TypeError('fetch failed', { cause })
        return fetch(address, init)
      },
    })
    return provider.renew({ refreshToken: 'refresh-1', tokenSet })
  }

  it.each<[string, () => Record<string, unknown>]>([
    ['subject', () => ({ id_token: hostile.idToken({ sub: 'bob' }) })],
    ['issuer', () => ({ id_token: hostile.idToken({ iss: 'https://evil.test' }) })],
    ['audience', () => ({ id_token: hostile.idToken({ aud: ['app', 'other'], azp: 'app' }) })],
    ['nonce', () => ({ id_token: hostile.idToken({ nonce: 'other' }) })],
    ['signature', () => ({ id_token: hostile.idToken({}, attackerKey) })],
  ])('T-RENEW-02 takes nothing from a provider that swaps the %s', async (_, changes) => {
    const { renew } = await signedIn()
    hostile.onToken = (_request, response) => json(response, 200, hostile.answer(changes()))
    expect(await renew()).toMatchObject({
      kind: 'lost',
      why: expect.stringMatching(/^token_|^answer_unreadable$/),
    })
  })

  it('goes on with the verified ID token when the keys cannot be had, but not for another subject', async () => {
    const { tokenSet } = await signedIn()
    hostile.onKeys = (_, response) => json(response, 500, {})
    hostile.onToken = (_, response) =>
      json(response, 200, hostile.answer({ access_token: 'access-2' }))
    const outcome = await hostile.client().renew({ refreshToken: 'refresh-1', tokenSet })
    expect(outcome).toMatchObject({
      kind: 'renewed',
      tokenSet: { accessToken: 'access-2', idToken: tokenSet.idToken },
    })
    hostile.onToken = (_, response) =>
      json(response, 200, hostile.answer({ id_token: hostile.idToken({ sub: 'bob' }) }))
    expect(await hostile.client().renew({ refreshToken: 'refresh-1', tokenSet })).toEqual({
      kind: 'lost',
      why: 'key_set_unavailable',
    })
  })
})
