import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { type SampleApi, startSampleApi } from './api.ts'
import { createDpopProver } from './dpop-prover.ts'
import { createFormBrowser } from './form-browser.ts'
import { type DevProvider, startDevProvider } from './provider.ts'
import type { DevPublicClient } from './provider-clients.ts'
import { signInPublicClient } from './public-sign-in.ts'
import { TEST_USERS } from './users.ts'

const shop: DevPublicClient = { clientId: 'shop', origin: 'http://shop.localhost:8081' }
const vault: DevPublicClient = { clientId: 'vault', origin: 'http://vault.localhost', dpop: true }
const [ada = { username: '', password: '' }] = TEST_USERS

describe('startSampleApi, for pages of other origins', () => {
  let provider: DevProvider
  let api: SampleApi
  let token: string

  beforeAll(async () => {
    provider = await startDevProvider({
      clientOrigin: 'http://localhost:8080',
      publicClients: [shop, vault],
    })
    api = await startSampleApi({
      issuer: provider.issuer,
      audience: provider.apiAudience,
      corsOrigins: [shop.origin, vault.origin],
    })
    const browser = createFormBrowser()
    token = (await signInPublicClient({ provider, client: shop }, browser, ada)).access_token
  })
  afterAll(async () => {
    await api.close()
    await provider.close()
  })

  const call = (path: string, headers: Readonly<Record<string, string>> = {}) =>
    fetch(api.origin + path, {
      headers: { authorization: `Bearer ${token}`, ...headers },
      redirect: 'manual',
    })
  const preflight = (origin: string) =>
    fetch(`${api.origin}/orders`, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,dpop',
      },
    })

  it('answers the preflight of a listed origin, which carries no token', async () => {
    const answer = await preflight(shop.origin)
    expect(answer.status).toBe(204)
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'access-control-allow-origin': shop.origin,
      'access-control-allow-methods': 'GET, HEAD, POST, PUT, PATCH, DELETE',
      'access-control-allow-headers': 'authorization, content-type, dpop',
      'access-control-max-age': '600',
      vary: 'Origin',
    })
    expect(answer.headers.has('access-control-allow-credentials')).toBe(false)
  })

  it('shows a listed origin its answers, refusals too', async () => {
    for (const [path, headers, status] of [
      ['/orders', {}, 200],
      ['/nowhere', {}, 404],
      ['/orders', { authorization: 'Bearer garbage' }, 401],
    ] as const) {
      const answer = await call(path, { origin: vault.origin, ...headers })
      expect(answer.status).toBe(status)
      expect(answer.headers.get('access-control-allow-origin')).toBe(vault.origin)
      expect(answer.headers.get('access-control-expose-headers')).toBe(
        'DPoP-Nonce, WWW-Authenticate, Content-Disposition',
      )
      expect(answer.headers.get('vary')).toBe('Origin')
    }
  })

  it.each([
    'http://evil.test',
    'http://shop.localhost',
    'https://shop.localhost:8081',
    'http://shop.localhost:8081.evil.test',
    'null',
  ])('shows nothing to the pages of %s', async (origin) => {
    for (const answer of [await preflight(origin), await call('/orders', { origin })]) {
      const shown = [...answer.headers.keys()].filter((name) => name.startsWith('access-control-'))
      expect(shown).toEqual([])
    }
    expect((await preflight(origin)).status).toBe(401)
  })

  it('lists no origin of its own accord', async () => {
    const { issuer, apiAudience: audience } = provider
    const closed = await startSampleApi({ issuer, audience })
    const answer = await fetch(`${closed.origin}/orders`, { headers: { origin: shop.origin } })
    expect(answer.status).toBe(401)
    expect(answer.headers.has('access-control-allow-origin')).toBe(false)
    await closed.close()
  })

  it('serves everything below /v1/ as well', async () => {
    for (const path of ['/orders', '/me', '/download/report.csv', '/stream?bytes=3']) {
      const [plain, versioned] = [await call(path), await call(`/v1${path}`)]
      expect(versioned.status).toBe(200)
      expect(await versioned.text()).toBe(await plain.text())
    }
    expect((await call('/v1/v1/orders')).status).toBe(404)
    const address = `${api.origin.replace('http', 'ws')}/v1/socket`
    const socket = new WebSocket(address, { headers: { authorization: `Bearer ${token}` } })
    await new Promise((resolve, reject) => socket.on('open', resolve).on('error', reject))
    socket.close()
  })

  it('sends elsewhere on request, and to web addresses alone', async () => {
    const to = encodeURIComponent('http://elsewhere.test/path?a=b')
    for (const [status, query] of [
      [302, `to=${to}`],
      [307, `to=${to}&status=307`],
    ] as const) {
      const answer = await call(`/redirect?${query}`)
      expect(answer.status).toBe(status)
      expect(answer.headers.get('location')).toBe('http://elsewhere.test/path?a=b')
    }
    for (const query of ['', '?to=javascript:alert(1)', '?to=/orders']) {
      expect((await call(`/redirect${query}`)).status).toBe(400)
    }
    const anonymous = await fetch(`${api.origin}/redirect?to=${to}`, { redirect: 'manual' })
    expect(anonymous.status).toBe(401)
  })

  it('refuses a bound token as a Bearer token, and a DPoP token that nothing proves', async () => {
    const prover = await createDpopProver()
    const signIn = { provider, client: vault, prover }
    const bound = await signInPublicClient(signIn, createFormBrowser(), ada)
    for (const authorization of [
      `Bearer ${bound.access_token}`,
      `DPoP ${bound.access_token}`,
      `DPoP ${token}`,
    ]) {
      const answer = await call('/orders', { authorization })
      expect(answer.status).toBe(401)
      const error = authorization.startsWith('Bearer') ? 'invalid_token' : 'invalid_dpop_proof'
      expect(answer.headers.get('www-authenticate')).toBe(`DPoP error="${error}"`)
    }
  })
})
