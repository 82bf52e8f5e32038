import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DevProvider, startDevProvider } from './provider.ts'

const clientOrigin = 'http://localhost:8080'
const shop = { clientId: 'shop', origin: 'http://shop.localhost:8081' }
const desk = { clientId: 'desk', origin: 'http://desk.localhost:8082' }
const STRANGERS = [
  'http://evil.test',
  'http://shop.localhost',
  'https://shop.localhost:8081',
  clientOrigin,
  'null',
]
const CLIENT_ENDPOINTS = ['/token', '/token/revocation', '/me']

describe('startDevProvider, for pages of other origins', () => {
  let provider: DevProvider

  beforeAll(async () => {
    provider = await startDevProvider({ clientOrigin, publicClients: [shop, desk] })
  })
  afterAll(() => provider.close())

  const preflight = (path: string, origin: string, method: string) =>
    fetch(provider.issuer + path, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': method,
        'access-control-request-headers': 'content-type,dpop',
      },
    })
  const ask = (path: string, origin: string, clientId: string) =>
    fetch(provider.issuer + path, {
      method: 'POST',
      headers: { origin },
      body: new URLSearchParams({
        client_id: clientId,
        grant_type: 'refresh_token',
        refresh_token: 'none',
        token: 'none',
      }),
    })

  it.each([
    '/.well-known/openid-configuration',
    '/.well-known/oauth-authorization-server',
    '/jwks',
  ])('opens %s to every page', async (path) => {
    for (const origin of [shop.origin, 'http://evil.test']) {
      const asked = await preflight(path, origin, 'GET')
      expect(asked.status).toBe(204)
      expect(asked.headers.get('access-control-allow-origin')).toBe(origin)
      expect(asked.headers.get('access-control-allow-headers')).toBe('content-type,dpop')
      const answer = await fetch(provider.issuer + path, { headers: { origin } })
      expect(answer.status).toBe(200)
      expect(answer.headers.get('access-control-allow-origin')).toBe(origin)
    }
  })

  it.each(CLIENT_ENDPOINTS)('lets the pages of a public client ask %s', async (path) => {
    const asked = await preflight(path, shop.origin, 'POST')
    expect(asked.status).toBe(204)
    expect(asked.headers.get('access-control-allow-origin')).toBe(shop.origin)
    expect(asked.headers.get('access-control-allow-methods')).toContain('POST')
    expect(asked.headers.get('access-control-allow-headers')).toBe('content-type,dpop')
    expect(asked.headers.get('access-control-allow-credentials')).toBeNull()
    const answer = await ask(path, shop.origin, shop.clientId)
    expect(answer.headers.get('access-control-allow-origin')).toBe(shop.origin)
    expect(answer.headers.get('vary')).toContain('Origin')
  })

  it('shows a page the nonce for its next proof', async () => {
    const { headers } = await ask('/token', shop.origin, shop.clientId)
    expect(headers.get('access-control-expose-headers')).toContain('DPoP-Nonce')
  })

  it.each(STRANGERS)('shows nothing to the pages of %s', async (origin) => {
    for (const path of CLIENT_ENDPOINTS) {
      const clientIds = [shop.clientId, provider.clientId, 'nobody']
      const answers = [
        await preflight(path, origin, 'POST'),
        ...(await Promise.all(clientIds.map((clientId) => ask(path, origin, clientId)))),
      ]
      for (const { headers } of answers) {
        const shown = [...headers.keys()].filter((name) => name.startsWith('access-control-'))
        expect(shown).toEqual([])
      }
    }
  })

  it('lets the pages of one public client not ask as another', async () => {
    for (const path of ['/token', '/token/revocation']) {
      const answer = await ask(path, desk.origin, shop.clientId)
      expect(answer.headers.get('access-control-allow-origin')).toBeNull()
      expect(await answer.json()).toMatchObject({ error: 'invalid_request' })
    }
  })

  it('names "none" as a way to authenticate only where a public client is', async () => {
    const methods = async ({ issuer }: DevProvider): Promise<unknown> => {
      const answer = await fetch(`${issuer}/.well-known/openid-configuration`)
      return (await answer.json()).token_endpoint_auth_methods_supported
    }
    expect(await methods(provider)).toEqual(['client_secret_basic', 'none'])
    const plain = await startDevProvider({ clientOrigin })
    expect(await methods(plain)).toEqual(['client_secret_basic'])
    await plain.close()
  })
})
