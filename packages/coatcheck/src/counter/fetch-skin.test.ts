import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { Secret } from '../core/secret.ts'
import { createProvider } from '../provider/provider.ts'
import { createKeyRing } from '../ring/key-ring.ts'
import { generateKeyRing } from '../ring/ring-file.ts'
import { createSessions } from '../sessions/sessions.ts'
import { memoryStore } from '../sessions/stores/memory.ts'
import { restoreVerifiedTokenSet } from '../tokens/restore-verified.ts'
import { createCounter } from './counter.ts'

const ORIGIN = 'https://app.example'
const ISSUER = 'https://idp.example'

async function setUp(upstream: string) {
  const ring = createKeyRing(generateKeyRing())
  const store = memoryStore()
  const sessions = createSessions({ site: ORIGIN, issuer: ISSUER, clientId: 'app', ring, store })
  const { ticket } = await sessions.create({
    tokenSet: restoreVerifiedTokenSet({
      issuer: ISSUER,
      clientId: 'app',
      subject: 'user-1',
      accessToken: 'access-token-canary',
      tokenType: 'Bearer',
      accessTokenKind: 'opaque',
      claims: { sub: 'user-1' },
    } as Parameters<typeof restoreVerifiedTokenSet>[0]),
  })
  const counter = createCounter({
    origin: ORIGIN,
    provider: createProvider({
      issuer: ISSUER,
      clientId: 'app',
      clientSecret: new Secret('s3cret-of-a-test'),
    }),
    ring,
    sessions: { store },
    apis: [{ path: '/api/', upstream }],
  })
  const headers = {
    cookie: `__Host-Http-coatcheck=${ticket}`,
    'sec-fetch-site': 'same-origin',
    'x-coatcheck': '1',
  }
  return { counter, headers }
}

describe('counter.fetch', () => {
  it('calls the API with the token, hands pages on, and refuses what is foreign', async () => {
    const api = createServer((request, response) => {
      response.writeHead(200, { 'set-cookie': 'a=b', 'x-from': 'api' })
      response.end(`${request.url} ${request.headers.authorization}`)
    }).listen(0, '127.0.0.1')
    await once(api, 'listening')
    const { counter, headers } = await setUp(
      `http://127.0.0.1:${(api.address() as AddressInfo).port}/v1/`,
    )
    const answer = await counter.fetch(new Request(`${ORIGIN}/api/orders?page=2`, { headers }))
    expect(answer.status).toBe(200)
    expect(await answer.text()).toBe('/v1/orders?page=2 Bearer access-token-canary')
    expect(answer.headers.getSetCookie()).toEqual([])
    expect(answer.headers.get('x-from')).toBe('api')
    const page = await counter.fetch(new Request(`${ORIGIN}/`), async () => new Response('mine'))
    expect(await page.text()).toBe('mine')
    expect((await counter.fetch(new Request(`${ORIGIN}/`))).status).toBe(404)
    expect(
      (await counter.fetch(new Request('https://evil.test/api/orders', { headers }))).status,
    ).toBe(421)
    const foreign = { ...headers, 'sec-fetch-site': 'cross-site' }
    expect(
      (await counter.fetch(new Request(`${ORIGIN}/api/orders`, { headers: foreign }))).status,
    ).toBe(403)
    api.closeAllConnections()
    api.close()
  })

  it('knows whose session a web Request belongs to', async () => {
    const { counter, headers } = await setUp('https://api.example/')
    const session = await counter.session(new Request(`${ORIGIN}/mine`, { headers }))
    expect(session?.tokenSet.subject).toBe('user-1')
    const foreign = { ...headers, 'sec-fetch-site': 'same-site' }
    expect(
      await counter.session(new Request(`${ORIGIN}/mine`, { headers: foreign })),
    ).toBeUndefined()
    const post = new Request(`${ORIGIN}/mine`, {
      method: 'POST',
      headers: { ...headers, origin: 'https://evil.test' },
    })
    expect(await counter.session(post)).toBeUndefined()
  })
})
