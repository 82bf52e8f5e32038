import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type SampleApi, startSampleApi } from './api.ts'
import { createDpopProver, type DpopProver } from './dpop-prover.ts'
import { createFormBrowser } from './form-browser.ts'
import { type DevProvider, startDevProvider } from './provider.ts'
import type { DevPublicClient } from './provider-clients.ts'
import { signInPublicClient } from './public-sign-in.ts'
import { TEST_USERS } from './users.ts'

const client: DevPublicClient = {
  clientId: 'shop',
  origin: 'http://shop.localhost:8081',
  dpop: true,
}
const [ada = { username: '', password: '' }] = TEST_USERS

describe('startSampleApi with tokens that are bound to a key', () => {
  let provider: DevProvider
  let api: SampleApi
  let prover: DpopProver
  let token: string
  let nonce: string

  beforeAll(async () => {
    provider = await startDevProvider({
      clientOrigin: 'http://localhost:8080',
      publicClients: [client],
    })
    const { issuer, apiAudience: audience } = provider
    api = await startSampleApi({ issuer, audience, corsOrigins: [client.origin] })
    prover = await createDpopProver()
    const tokens = await signInPublicClient({ provider, client, prover }, createFormBrowser(), ada)
    token = tokens.access_token
    const first = await call(await prove({}))
    nonce = first.headers.get('dpop-nonce') ?? ''
  })
  afterAll(async () => {
    await api.close()
    await provider.close()
  })

  const prove = (extra: { readonly nonce?: string; readonly method?: string }, by = prover) =>
    by.prove({ method: 'GET', address: `${api.origin}/v1/orders`, accessToken: token, ...extra })
  const call = (dpop: string, authorization = `DPoP ${token}`) =>
    fetch(`${api.origin}/v1/orders?page=1`, {
      headers: { authorization, dpop, origin: client.origin },
    })
  const errorOf = async (answer: Response) => (await answer.json()).error

  it('T-BIND-05 asks for a nonce, and shows it to the page', async () => {
    const answer = await call(await prove({}))
    expect(answer.status).toBe(401)
    expect(answer.headers.get('www-authenticate')).toBe('DPoP error="use_dpop_nonce"')
    expect(answer.headers.get('dpop-nonce')).toMatch(/./)
    expect(answer.headers.get('access-control-expose-headers')).toContain('DPoP-Nonce')
  })

  it('T-BIND-05 takes a proof once', async () => {
    const proof = await prove({ nonce })
    expect((await call(proof)).status).toBe(200)
    expect(await errorOf(await call(proof))).toBe('invalid_dpop_proof')
  })

  it('T-BIND-05 refuses a stolen token: with another key, without a proof, as Bearer', async () => {
    const thief = await createDpopProver()
    expect(await errorOf(await call(await prove({ nonce }, thief)))).toBe('invalid_token')
    expect(await errorOf(await call(''))).toBe('invalid_dpop_proof')
    const bearer = await call(await prove({ nonce }), `Bearer ${token}`)
    expect(bearer.headers.get('www-authenticate')).toBe('DPoP error="invalid_token"')
  })

  it('T-BIND-05 refuses a proof for another method, and two proofs', async () => {
    expect(await errorOf(await call(await prove({ nonce, method: 'POST' })))).toBe(
      'invalid_dpop_proof',
    )
    const two = `${await prove({ nonce })}, ${await prove({ nonce })}`
    expect(await errorOf(await call(two))).toBe('invalid_dpop_proof')
  })
})
