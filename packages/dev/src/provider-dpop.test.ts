import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDpopProver, type DpopProver } from './dpop-prover.ts'
import { createFormBrowser } from './form-browser.ts'
import { type DevProvider, startDevProvider } from './provider.ts'
import type { DevPublicClient } from './provider-clients.ts'
import { requestPublicTokens, signInPublicClient } from './public-sign-in.ts'
import type { TokenAnswer } from './sign-in.ts'
import { TEST_USERS } from './users.ts'

const shop: DevPublicClient = {
  clientId: 'shop',
  origin: 'http://shop.localhost:8081',
  dpop: true,
}
const [ada = { username: '', password: '' }] = TEST_USERS

describe('startDevProvider with a public client that proves possession', () => {
  let provider: DevProvider
  let prover: DpopProver

  beforeAll(async () => {
    provider = await startDevProvider({
      clientOrigin: 'http://localhost:8080',
      publicClients: [shop],
    })
    prover = await createDpopProver()
  })
  afterAll(() => provider.close())

  const signIn = () => ({ provider, client: shop, prover })
  const tokenAddress = () => `${provider.issuer}/token`
  const grantOf = ({ refresh_token: token = '' }: TokenAnswer) => ({
    grant_type: 'refresh_token',
    refresh_token: token,
  })
  const send = (parameters: Readonly<Record<string, string>>, proof?: string) =>
    fetch(tokenAddress(), {
      method: 'POST',
      headers: { origin: shop.origin, ...(proof === undefined ? {} : { dpop: proof }) },
      body: new URLSearchParams({ client_id: shop.clientId, ...parameters }),
    })
  const nonceFor = async (tokens: TokenAnswer): Promise<string> => {
    const proof = await prover.prove({ method: 'POST', address: tokenAddress() })
    const answer = await send(grantOf(tokens), proof)
    return answer.headers.get('dpop-nonce') ?? ''
  }

  it('binds access and refresh token to the key of the proof', async () => {
    const tokens = await signInPublicClient(signIn(), createFormBrowser(), ada)
    expect(tokens.token_type).toBe('DPoP')
    expect(decodeJwt(tokens.access_token).cnf).toEqual({ jkt: prover.thumbprint })
    const renewed = await requestPublicTokens(signIn(), grantOf(tokens))
    expect(renewed.status).toBe(200)
    expect(decodeJwt((await renewed.json()).access_token).cnf).toEqual({ jkt: prover.thumbprint })
  })

  it('asks for a nonce, shows it to the page, and spends nothing by that', async () => {
    const tokens = await signInPublicClient(signIn(), createFormBrowser(), ada)
    const proof = await prover.prove({ method: 'POST', address: tokenAddress() })
    const asked = await send(grantOf(tokens), proof)
    expect(asked.status).toBe(400)
    expect(await asked.json()).toMatchObject({ error: 'use_dpop_nonce' })
    expect(asked.headers.get('access-control-allow-origin')).toBe(shop.origin)
    expect(asked.headers.get('access-control-expose-headers')).toContain('DPoP-Nonce')
    const nonce = asked.headers.get('dpop-nonce') ?? ''
    expect(nonce).not.toBe('')
    const again = await prover.prove({ method: 'POST', address: tokenAddress(), nonce })
    expect((await send(grantOf(tokens), again)).status).toBe(200)
  })

  it('refuses a refresh token without a proof, and with one of another key', async () => {
    const tokens = await signInPublicClient(signIn(), createFormBrowser(), ada)
    expect(await (await send(grantOf(tokens))).json()).toMatchObject({ error: 'invalid_grant' })
    const thief = { ...signIn(), prover: await createDpopProver() }
    const stolen = await requestPublicTokens(thief, grantOf(tokens))
    expect(await stolen.json()).toMatchObject({ error: 'invalid_grant' })
    expect((await requestPublicTokens(signIn(), grantOf(tokens))).status).toBe(200)
  })

  it('refuses a proof for another address or method, with an invented nonce, and a second time', async () => {
    const tokens = await signInPublicClient(signIn(), createFormBrowser(), ada)
    const nonce = await nonceFor(tokens)
    for (const wrong of [
      { method: 'POST', address: `${provider.issuer}/me`, nonce },
      { method: 'GET', address: tokenAddress(), nonce },
    ]) {
      const refused = await send(grantOf(tokens), await prover.prove(wrong))
      expect(await refused.json()).toMatchObject({ error: 'invalid_dpop_proof' })
    }
    const invented = { method: 'POST', address: tokenAddress(), nonce: 'invented' }
    const asked = await send(grantOf(tokens), await prover.prove(invented))
    expect(await asked.json()).toMatchObject({ error: 'use_dpop_nonce' })
    const proof = await prover.prove({ method: 'POST', address: tokenAddress(), nonce })
    const renewed = await send(grantOf(tokens), proof)
    expect(renewed.status).toBe(200)
    const replayed = await send(grantOf(await renewed.json()), proof)
    expect(await replayed.json()).toMatchObject({ error: 'invalid_grant' })
  })
})
