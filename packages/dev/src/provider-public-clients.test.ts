import { decodeJwt, decodeProtectedHeader } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createFormBrowser } from './form-browser.ts'
import { type DevProvider, startDevProvider } from './provider.ts'
import type { DevPublicClient } from './provider-clients.ts'
import {
  makePublicAuthorizationRequest,
  requestPublicTokens,
  signInPublicClient,
} from './public-sign-in.ts'
import { requestTokens, type TokenAnswer } from './sign-in.ts'
import type { TokenOutcome } from './token-faults.ts'
import { TEST_USERS } from './users.ts'

const clientOrigin = 'http://localhost:8080'
const shop: DevPublicClient = {
  clientId: 'shop',
  origin: 'http://shop.localhost:8081',
  redirectPaths: ['/', '/signed-in'],
}
const desk: DevPublicClient = { clientId: 'desk', origin: 'http://desk.localhost:8082' }
const [ada = { username: '', password: '' }] = TEST_USERS

describe('startDevProvider with public clients', () => {
  const outcomes: TokenOutcome[] = []
  let provider: DevProvider

  beforeAll(async () => {
    provider = await startDevProvider({
      clientOrigin,
      publicClients: [shop, desk],
      onTokenOutcome: (outcome) => outcomes.push(outcome),
    })
  })
  afterAll(() => provider.close())

  const signIn = (client = shop) => ({ provider, client })
  const renew = (tokens: TokenAnswer, client = shop) =>
    requestPublicTokens(signIn(client), {
      grant_type: 'refresh_token',
      refresh_token: tokens.refresh_token ?? '',
    })
  const renewed = async (tokens: TokenAnswer): Promise<TokenAnswer> => {
    const answer = await renew(tokens)
    expect(answer.status).toBe(200)
    return answer.json()
  }

  it('signs in without a secret and gives a Bearer token, an ID token and a refresh token', async () => {
    const tokens = await signInPublicClient(signIn(), createFormBrowser(), ada)
    expect(tokens.token_type).toBe('Bearer')
    expect(decodeJwt(tokens.access_token)).toMatchObject({
      aud: provider.apiAudience,
      client_id: 'shop',
      scope: 'orders:read orders:write',
    })
    expect(decodeJwt(tokens.access_token)).not.toHaveProperty('cnf')
    expect(decodeProtectedHeader(tokens.id_token ?? '').alg).toBe('RS256')
    expect(decodeJwt(tokens.id_token ?? '')).toMatchObject({ aud: 'shop', name: 'Ada Lovelace' })
    expect(tokens.refresh_token).toMatch(/^[\w-]{40,}$/)
  })

  it('comes back to each of its addresses, and to no other', async () => {
    const { url } = makePublicAuthorizationRequest(signIn(), {
      redirect_uri: `${shop.origin}/signed-in`,
    })
    expect((await createFormBrowser().open(url)).status).toBe(200)
    for (const redirect_uri of [
      `${desk.origin}/`,
      `${clientOrigin}/auth/callback`,
      `${shop.origin}/elsewhere`,
      `${shop.origin}:80/`,
      'http://evil.test/',
    ]) {
      const refused = makePublicAuthorizationRequest(signIn(), { redirect_uri })
      const page = await createFormBrowser().open(refused.url)
      expect(page.status).toBe(400)
      expect(page.body).toContain('invalid_redirect_uri')
    }
  })

  it.each([
    ['no challenge', { code_challenge: '', code_challenge_method: '' }],
    ['the challenge in plain', { code_challenge_method: 'plain' }],
  ])('refuses an authorization request with %s', async (_, changes) => {
    const { url, redirectUri } = makePublicAuthorizationRequest(signIn())
    const request = new URL(url)
    for (const [name, value] of Object.entries(changes)) {
      if (value === '') request.searchParams.delete(name)
      else request.searchParams.set(name, value)
    }
    const back = await createFormBrowser().open(request.href, redirectUri)
    expect(new URL(back.url).searchParams.get('error')).toBe('invalid_request')
  })

  it('refuses a code without its verifier, with another one, and from another client', async () => {
    const authorized = async () => {
      const { url, redirectUri, codeVerifier } = makePublicAuthorizationRequest(signIn())
      const browser = createFormBrowser()
      const form = await browser.open(url, redirectUri)
      const back = await browser.submit(form, { ...ada, choice: 'go' }, redirectUri)
      const code = new URL(back.url).searchParams.get('code') ?? ''
      const grant = { grant_type: 'authorization_code', code, redirect_uri: redirectUri }
      return { grant, codeVerifier }
    }
    const [bare, guessed, stolen, own] = [
      await authorized(),
      await authorized(),
      await authorized(),
      await authorized(),
    ]
    for (const answer of [
      await requestPublicTokens(signIn(), bare.grant),
      await requestPublicTokens(signIn(), { ...guessed.grant, code_verifier: own.codeVerifier }),
      await requestPublicTokens(signIn(desk), {
        ...stolen.grant,
        code_verifier: stolen.codeVerifier,
      }),
    ]) {
      expect(answer.status).toBe(400)
      expect(await answer.json()).toMatchObject({ error: 'invalid_grant' })
    }
    const traded = { ...own.grant, code_verifier: own.codeVerifier }
    expect((await requestPublicTokens(signIn(), traded)).status).toBe(200)
  })

  it('lets nobody be the confidential client without its secret, or a public one with it', async () => {
    const tokens = await signInPublicClient(signIn(), createFormBrowser(), ada)
    const grant = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token ?? '' }
    const bare = await fetch(`${provider.issuer}/token`, {
      method: 'POST',
      body: new URLSearchParams({ client_id: provider.clientId, ...grant }),
    })
    const disguised = await requestTokens({ ...provider, clientId: shop.clientId }, grant)
    for (const answer of [bare, disguised]) {
      expect(answer.status).toBe(401)
      expect(await answer.json()).toMatchObject({ error: 'invalid_client' })
    }
  })

  it('rotates refresh tokens, and a second use revokes the whole grant', async () => {
    const first = await signInPublicClient(signIn(), createFormBrowser(), ada)
    const second = await renewed(first)
    expect(second.refresh_token).not.toBe(first.refresh_token)
    const third = await renewed(second)
    expect(await (await renew(first)).json()).toMatchObject({ error: 'invalid_grant' })
    expect(await (await renew(third)).json()).toMatchObject({ error: 'invalid_grant' })
  })

  it('refuses the refresh token of another client, and does not spend it', async () => {
    const tokens = await signInPublicClient(signIn(), createFormBrowser(), ada)
    expect(await (await renew(tokens, desk)).json()).toMatchObject({ error: 'invalid_grant' })
    await requestPublicTokens(
      signIn(desk),
      { token: tokens.refresh_token ?? '' },
      '/token/revocation',
    )
    await renewed(tokens)
  })

  it('gives each sign-in in a browser a grant of its own', async () => {
    const browser = createFormBrowser()
    const [one, two, three] = [
      await signInPublicClient(signIn(), browser, ada),
      await signInPublicClient(signIn(), browser, ada),
      await signInPublicClient(signIn(), browser, ada),
    ]
    await renewed(one)
    expect((await renew(one)).status).toBe(400)
    const next = await renewed(two)
    const token = next.refresh_token ?? ''
    await requestPublicTokens(signIn(), { token }, '/token/revocation')
    expect((await renew(next)).status).toBe(400)
    await renewed(three)
  })

  it('signs out at the provider, comes back to the client, and ends no other sign-in', async () => {
    const browser = createFormBrowser()
    const other = await signInPublicClient(signIn(), browser, ada)
    const tokens = await signInPublicClient(signIn(), browser, ada)
    const end = new URL(`${provider.issuer}/session/end`)
    end.searchParams.set('id_token_hint', tokens.id_token ?? '')
    end.searchParams.set('post_logout_redirect_uri', `${shop.origin}/signed-in`)
    const page = await browser.open(end.href)
    const back = await browser.submit(page, { logout: 'yes' }, shop.origin)
    expect(back.url).toBe(`${shop.origin}/signed-in`)
    const { url, redirectUri } = makePublicAuthorizationRequest(signIn())
    expect((await browser.open(url, redirectUri)).body).toContain('name="password"')
    await renewed(other)
    end.searchParams.set('post_logout_redirect_uri', `${desk.origin}/`)
    expect((await browser.open(end.href)).status).toBe(400)
  })

  it('lets its pages send forms that end at public clients', async () => {
    const { url } = makePublicAuthorizationRequest(signIn())
    const { headers } = await createFormBrowser().open(url)
    expect(headers.get('content-security-policy')).toContain(
      `form-action 'self' ${clientOrigin} ${shop.origin} ${desk.origin};`,
    )
  })

  it('tells which client asked for tokens', async () => {
    outcomes.length = 0
    const tokens = await signInPublicClient(signIn(desk), createFormBrowser(), ada)
    await renew(tokens, desk)
    expect(outcomes).toMatchObject([
      { clientId: 'desk', grantType: 'authorization_code', status: 200 },
      { clientId: 'desk', grantType: 'refresh_token', status: 200 },
    ])
  })
})
