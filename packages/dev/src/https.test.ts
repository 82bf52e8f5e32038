import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { type SampleApi, startSampleApi } from './api.ts'
import { type SampleCertificate, sampleCertificate } from './certificate.ts'
import { type DataFolder, openDataFolder } from './data-folder.ts'
import { createDpopProver } from './dpop-prover.ts'
import { createFormBrowser } from './form-browser.ts'
import { type DevProvider, startDevProvider } from './provider.ts'
import type { DevPublicClient } from './provider-clients.ts'
import { requestPublicTokens, signInPublicClient } from './public-sign-in.ts'
import type { TokenAnswer } from './sign-in.ts'
import type { TokenFault, TokenOutcome } from './token-faults.ts'
import { createTrustingFetch, type Fetch } from './trusting-fetch.ts'
import { TEST_USERS } from './users.ts'

const shop: DevPublicClient = { clientId: 'shop', origin: 'https://shop.localhost:8443' }
const vault: DevPublicClient = { ...shop, clientId: 'vault', dpop: true }
const [ada = { username: '', password: '' }] = TEST_USERS

describe('provider and sample API over https', () => {
  const outcomes: TokenOutcome[] = []
  let fault: TokenFault | undefined
  let folder: DataFolder
  let certificate: SampleCertificate
  let provider: DevProvider
  let api: SampleApi
  let trusting: Fetch

  beforeAll(async () => {
    folder = openDataFolder(mkdtempSync(join(tmpdir(), 'coatcheck-https-')))
    certificate = await sampleCertificate(folder)
    trusting = createTrustingFetch(certificate)
    provider = await startDevProvider({
      clientOrigin: 'http://localhost:8080',
      publicClients: [shop, vault],
      certificate,
      onTokenRequest: () => fault,
      onTokenOutcome: (outcome) => outcomes.push(outcome),
    })
    const { issuer, apiAudience: audience } = provider
    api = await startSampleApi({ issuer, audience, certificate, corsOrigins: [shop.origin] })
  })
  afterAll(async () => {
    await api.close()
    await provider.close()
    folder.release()
    rmSync(folder.path, { recursive: true })
  })

  const signIn = () => ({ provider, client: shop, fetch: trusting })
  const signedIn = () => signInPublicClient(signIn(), createFormBrowser({}, trusting), ada)
  const renew = ({ refresh_token: token = '' }: TokenAnswer) =>
    requestPublicTokens(signIn(), { grant_type: 'refresh_token', refresh_token: token })

  it('has https addresses everywhere, and Secure cookies', async () => {
    expect(provider.issuer).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/)
    expect(api.origin).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/)
    const answer = await trusting(`${provider.issuer}/.well-known/openid-configuration`)
    const metadata = await answer.json()
    expect(metadata.issuer).toBe(provider.issuer)
    for (const name of ['authorization', 'token', 'revocation', 'end_session']) {
      expect(metadata[`${name}_endpoint`].startsWith(`${provider.issuer}/`)).toBe(true)
    }
    const tokens = await signedIn()
    expect(decodeJwt(tokens.access_token).iss).toBe(provider.issuer)
    const page = await createFormBrowser({}, trusting).open(
      `${provider.issuer}/session/end?client_id=shop`,
    )
    const cookies = page.headers.getSetCookie()
    expect(cookies).not.toEqual([])
    for (const cookie of cookies) expect(cookie).toMatch(/; secure/)
  })

  it('answers a real access token, its keys fetched over https, and its socket', async () => {
    const { access_token: token } = await signedIn()
    const headers = { authorization: `Bearer ${token}`, origin: shop.origin }
    const answer = await trusting(`${api.origin}/v1/orders`, { headers })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('access-control-allow-origin')).toBe(shop.origin)
    expect((await answer.json()).orders).toHaveLength(3)
    const address = `${api.origin.replace('http', 'ws')}/socket`
    const socket = new WebSocket(address, { headers, ca: readFileSync(certificate.file) })
    await new Promise((resolve, reject) => socket.on('open', resolve).on('error', reject))
    socket.close()
  })

  it('takes proofs for its https address', async () => {
    const prover = await createDpopProver()
    const tokens = await signInPublicClient(
      { ...signIn(), client: vault, prover },
      createFormBrowser({}, trusting),
      ada,
    )
    expect(decodeJwt(tokens.access_token).cnf).toEqual({ jkt: prover.thumbprint })
  })

  it('is trusted by nobody who was not told', async () => {
    await expect(fetch(`${provider.issuer}/jwks`)).rejects.toThrow()
    const path = mkdtempSync(join(tmpdir(), 'coatcheck-https-other-'))
    const other = openDataFolder(path)
    const stranger = createTrustingFetch(await sampleCertificate(other))
    await expect(stranger(`${provider.issuer}/jwks`)).rejects.toThrow()
    await expect(trusting('http://127.0.0.1:1/')).rejects.toThrow(/https/)
    other.release()
    rmSync(path, { recursive: true })
  })

  it('loses requests before the provider sees them, and answers after', async () => {
    const tokens = await signedIn()
    outcomes.length = 0
    fault = 'network_error'
    await expect(renew(tokens)).rejects.toThrow()
    fault = 'unavailable'
    expect((await renew(tokens)).status).toBe(503)
    fault = undefined
    const renewed: TokenAnswer = await (await renew(tokens)).json()
    fault = 'answer_lost'
    await expect(renew(renewed)).rejects.toThrow()
    fault = undefined
    expect((await renew(renewed)).status).toBe(400)
    expect(outcomes.map(({ fault: what, status }) => [what, status])).toEqual([
      ['network_error', 503],
      ['unavailable', 503],
      [undefined, 200],
      ['answer_lost', 200],
      [undefined, 400],
    ])
    expect(outcomes.every(({ clientId }) => clientId === 'shop')).toBe(true)
  })

  it('lets preflights pass the faults, and a page see that the provider is away', async () => {
    outcomes.length = 0
    fault = 'unavailable'
    const headers = { origin: shop.origin, 'access-control-request-method': 'POST' }
    const asked = await trusting(`${provider.issuer}/token`, { method: 'OPTIONS', headers })
    expect(asked.status).toBe(204)
    expect(asked.headers.get('connection')).toBe('close')
    expect(outcomes).toEqual([])
    for (const [origin, shown] of [
      [shop.origin, shop.origin],
      ['https://evil.test', null],
    ] as const) {
      const away = await trusting(`${provider.issuer}/token`, {
        method: 'POST',
        headers: { origin },
        body: new URLSearchParams({ client_id: 'shop' }),
      })
      expect(away.status).toBe(503)
      expect(away.headers.get('access-control-allow-origin')).toBe(shown)
    }
    fault = undefined
  })
})
