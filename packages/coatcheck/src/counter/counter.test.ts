import { describe, expect, it } from 'vitest'
import { CoatcheckError } from '../core/errors.ts'
import { Secret } from '../core/secret.ts'
import { allowInsecureHttp } from '../core/unsafe.ts'
import { createProvider } from '../provider/provider.ts'
import { createKeyRing } from '../ring/key-ring.ts'
import { generateKeyRing } from '../ring/ring-file.ts'
import { memoryStore } from '../sessions/stores/memory.ts'
import { createCounter } from './counter.ts'
import type { CounterOptions } from './options.ts'

const base = (): CounterOptions => ({
  origin: 'https://app.example',
  provider: createProvider({
    issuer: 'https://idp.example',
    clientId: 'app',
    clientSecret: new Secret('a secret for this test'),
  }),
  ring: createKeyRing(generateKeyRing()),
  sessions: { store: memoryStore() },
})

const faultsOf = (options: CounterOptions): string => {
  try {
    createCounter(options)
  } catch (error) {
    if (error instanceof CoatcheckError) return `${error.code}: ${error.message}`
  }
  return 'none'
}

const respond = async (
  options: CounterOptions,
  target: string,
  headers: readonly string[] = [],
) => {
  const outcome = await createCounter(options).handle({
    method: 'GET',
    target,
    headers: ['host', new URL(options.origin).host, ...headers],
    encrypted: true,
  })
  if (outcome.kind !== 'respond') throw new Error(`expected an answer, but got ${outcome.kind}`)
  const { answer } = outcome
  const all = new Map<string, string>()
  for (let index = 0; index < answer.headers.length; index += 2) {
    all.set(answer.headers[index] ?? '', answer.headers[index + 1] ?? '')
  }
  return { status: answer.status, headers: all, body: answer.body ?? '' }
}

const NAVIGATION = [
  'sec-fetch-site',
  'cross-site',
  'sec-fetch-mode',
  'navigate',
  'sec-fetch-dest',
  'document',
]

describe('createCounter', () => {
  it('tells all faults at once, each with its path, value and remedy', () => {
    const told = faultsOf({
      ...base(),
      origin: 'http://app.example/path',
      sessions: { store: memoryStore(), idleSeconds: 7200, absoluteSeconds: 3600 },
      apis: [
        { path: 'api', upstream: 'http://api.example/' },
        { path: '/auth/', upstream: 'https://user:CANARY@api.example/' },
        { path: '/ok/', upstream: 'https://api.example/base', events: ['/elsewhere'] },
      ],
      trustedProxyHops: -1,
    })
    expect(told).toContain('invalid_configuration')
    for (const part of [
      'origin (http://app.example/path)',
      'sessions.idleSeconds (7200)',
      'apis[0].path (api)',
      'apis[0].upstream',
      'apis[1].path (/auth/)',
      'apis[1].upstream (not shown)',
      'apis[2].upstream',
      'apis[2].events (/elsewhere)',
      'trustedProxyHops (-1)',
    ]) {
      expect(told).toContain(part)
    }
    expect(told).not.toContain('CANARY')
  })

  it('takes http on loopback, and elsewhere only by the unsafe symbol', () => {
    expect(faultsOf({ ...base(), origin: 'http://localhost:8080' })).toBe('none')
    expect(faultsOf({ ...base(), origin: 'http://127.0.0.1:1' })).toBe('none')
    expect(faultsOf({ ...base(), origin: 'http://intranet' })).toContain('must be https')
    expect(faultsOf({ ...base(), origin: 'http://intranet', [allowInsecureHttp]: true })).toBe(
      'none',
    )
    const upstream = (address: string): string =>
      faultsOf({ ...base(), apis: [{ path: '/api/', upstream: address }] })
    expect(upstream('http://10.0.0.1/')).toContain('must be https')
    expect(upstream('http://127.0.0.1:4000/')).toBe('none')
  })

  it('T-LOGIN-03 refuses a public client at start', () => {
    expect(() =>
      createProvider({
        issuer: 'https://idp.example',
        clientId: 'spa',
        clientSecret: new Secret(''),
      }),
    ).toThrow(/confidential/)
  })
})

describe("a counter's own answers", () => {
  it('T-OPS-02 carry HSTS, a policy, nosniff and no framing', async () => {
    const options = { ...base(), pages: { protected: ['/account/*'] } }
    for (const target of [
      '/account/x',
      '/account/x?coatcheck-hop=1',
      '/auth/sign-in',
      '/auth/errors',
    ]) {
      const { headers } = await respond(options, target, NAVIGATION)
      expect(headers.get('strict-transport-security'), target).toBe('max-age=31536000')
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
      expect(headers.get('content-security-policy')).toContain("default-src 'none'")
      expect(headers.get('cache-control')).toBe('no-store')
    }
  })

  it('T-OPS-02 carry no HSTS on loopback: other servers share the host', async () => {
    const { headers } = await respond(
      { ...base(), origin: 'https://localhost:8443' },
      '/auth/session',
    )
    expect(headers.has('strict-transport-security')).toBe(false)
  })

  it('hop to a protected page from elsewhere, once, and then ask to sign in', async () => {
    const options = { ...base(), pages: { protected: ['/account/*'] } }
    const first = await respond(options, '/account/x?a=1', NAVIGATION)
    expect(first.status).toBe(200)
    expect(first.body).toContain('https://app.example/account/x?a=1&amp;coatcheck-hop=1')
    const second = await respond(options, '/account/x?a=1&coatcheck-hop=1', NAVIGATION)
    expect(second.status).toBe(401)
    expect(second.body).toContain('/auth/sign-in?return=%2Faccount%2Fx%3Fa%3D1')
    const lax = await respond({ ...options, cookie: { sameSite: 'lax' } }, '/account/x', NAVIGATION)
    expect(lax.status).toBe(401)
  })

  it('T-PROXY-01 protect a page in every spelling of its path', async () => {
    const options = { ...base(), pages: { protected: ['/account/*'] } }
    for (const target of ['/account', '/account/', '/%61ccount/x', '/acc%6Funt/x']) {
      expect((await respond(options, target)).status, target).toBe(401)
    }
    for (const target of ['/x/../account/', '//account/', '/account%2fx', '/%2e/account/']) {
      expect((await respond(options, target)).status, target).toBe(400)
    }
  })

  it('T-OPS-03 tell a store that fails as 503, and nothing of why', async () => {
    const store = { ...memoryStore(), get: () => Promise.reject(new Error('CANARY')) }
    const headers = [
      'sec-fetch-site',
      'same-origin',
      'cookie',
      `__Host-Http-coatcheck=${'A'.repeat(64)}`,
    ]
    const answer = await respond({ ...base(), sessions: { store } }, '/auth/session', headers)
    expect(answer.status).toBe(503)
    expect(answer.headers.has('retry-after')).toBe(true)
    expect(answer.body).toContain('store_unavailable')
    expect(answer.body).not.toContain('CANARY')
  })
})
