import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openDataFolder } from './data-folder.ts'
import { createFormBrowser } from './form-browser.ts'
import { type DevProvider, startDevProvider } from './provider.ts'
import { makeAuthorizationRequest, requestTokens, signInForTokens } from './sign-in.ts'
import { TEST_USERS } from './users.ts'

const clientOrigin = 'http://localhost:8080'
const callback = `${clientOrigin}/auth/callback`
const [ada = { username: '', password: '' }, grace = ada] = TEST_USERS

describe('startDevProvider', () => {
  let provider: DevProvider

  beforeAll(async () => {
    provider = await startDevProvider({ clientOrigin, accessTokenSeconds: 120 })
  })
  afterAll(() => provider.close())

  const client = () => ({ provider, clientOrigin })

  it('signs in with the right password and gives JWTs for the API with claims and a refresh token', async () => {
    const tokens = await signInForTokens(client(), createFormBrowser(), ada)
    expect(decodeProtectedHeader(tokens.access_token)).toMatchObject({
      alg: 'ES256',
      typ: 'at+jwt',
    })
    expect(decodeJwt(tokens.access_token)).toMatchObject({
      iss: provider.issuer,
      aud: provider.apiAudience,
      sub: 'u-ada-1815',
      scope: 'orders:read orders:write',
    })
    expect(decodeJwt(tokens.id_token ?? '')).toMatchObject({
      aud: provider.clientId,
      name: 'Ada Lovelace',
      email: 'ada@users.example',
    })
    expect(tokens.refresh_token).toMatch(/^[\w-]{40,}$/)
    expect(tokens.expires_in).toBe(120)
  })

  it.each([
    ['a wrong password', ada.username, 'engine-1844'],
    ['an unknown name', 'nobody', ada.password],
    ['another user’s password', ada.username, grace.password],
    ['no password', ada.username, ''],
  ])('refuses %s and lets the user try again', async (_, username, password) => {
    const browser = createFormBrowser()
    const form = await browser.open(makeAuthorizationRequest(client()).url, callback)
    const again = await browser.submit(form, { username, password, choice: 'go' }, callback)
    expect(again.status).toBe(401)
    expect(again.body).toContain('role="alert"')
    const done = await browser.submit(again, { ...ada, choice: 'go' }, callback)
    expect(new URL(done.url).searchParams.has('code')).toBe(true)
  })

  it('escapes what was typed', async () => {
    const browser = createFormBrowser()
    const form = await browser.open(makeAuthorizationRequest(client()).url, callback)
    const username = '"><script>alert(1)</script>'
    const again = await browser.submit(form, { username, password: 'x', choice: 'go' }, callback)
    expect(again.body).not.toContain('<script>alert')
    expect(again.body).toContain('&quot;&gt;&lt;script&gt;alert(1)')
  })

  it('refuses a form without its token, from another browser, and from another site', async () => {
    const browser = createFormBrowser()
    const form = await browser.open(makeAuthorizationRequest(client()).url, callback)
    const forged = { ...form, body: form.body.replace(/name="form_token" value="[^"]*"/, '') }
    const refused = await browser.submit(forged, { ...ada, choice: 'go' }, callback)
    expect(refused.status).toBe(403)
    const stranger = createFormBrowser()
    const foreign = await stranger.submit(form, { ...ada, choice: 'go' }, callback)
    expect(foreign.status).toBe(400)
    expect(foreign.body).toContain('started in another browser')
    const lured = createFormBrowser({ 'sec-fetch-site': 'cross-site' })
    const shown = await lured.open(makeAuthorizationRequest(client()).url, callback)
    const crossed = await lured.submit(shown, { ...ada, choice: 'go' }, callback)
    expect(crossed.status).toBe(403)
  })

  it('comes back with access_denied when the user cancels', async () => {
    const browser = createFormBrowser()
    const form = await browser.open(makeAuthorizationRequest(client()).url, callback)
    const back = await browser.submit(form, { choice: 'cancel' }, callback)
    expect(new URL(back.url).searchParams.get('error')).toBe('access_denied')
  })

  it('asks no second time in the same browser, but with prompt=login it does', async () => {
    const browser = createFormBrowser()
    await signInForTokens(client(), browser, ada)
    const silent = await browser.open(makeAuthorizationRequest(client()).url, callback)
    expect(new URL(silent.url).searchParams.has('code')).toBe(true)
    const { url } = makeAuthorizationRequest(client(), { prompt: 'login' })
    const form = await browser.open(url, callback)
    expect(form.body).toContain('name="password"')
  })

  it('asks for consent when the client wants that', async () => {
    const browser = createFormBrowser()
    await signInForTokens(client(), browser, ada)
    const { url } = makeAuthorizationRequest(client(), { prompt: 'consent' })
    const form = await browser.open(url, callback)
    expect(form.body).toContain('Allow access?')
    const done = await browser.submit(form, { choice: 'go' }, callback)
    expect(new URL(done.url).searchParams.has('code')).toBe(true)
  })

  it('refuses a request without PKCE and an unknown redirect address', async () => {
    const request = new URL(makeAuthorizationRequest(client()).url)
    request.searchParams.delete('code_challenge')
    request.searchParams.delete('code_challenge_method')
    const back = await createFormBrowser().open(request.href, callback)
    expect(new URL(back.url).searchParams.get('error')).toBe('invalid_request')
    const { url } = makeAuthorizationRequest(client(), { redirect_uri: 'http://evil.test/' })
    const refused = await createFormBrowser().open(url)
    expect(refused.status).toBe(400)
    expect(refused.body).toContain('invalid_redirect_uri')
    expect(refused.body).not.toMatch(/at .*\.js/)
  })

  it('rotates refresh tokens and revokes the grant when one is used twice', async () => {
    const tokens = await signInForTokens(client(), createFormBrowser(), ada)
    const first = tokens.refresh_token ?? ''
    const renew = (token: string) =>
      requestTokens(provider, { grant_type: 'refresh_token', refresh_token: token })
    const renewed = await renew(first)
    expect(renewed.status).toBe(200)
    const second = (await renewed.json()).refresh_token
    expect(second).not.toBe(first)
    expect((await renew(first)).status).toBe(400)
    expect((await renew(second)).status).toBe(400)
  })

  it('revokes a refresh token on request', async () => {
    const tokens = await signInForTokens(client(), createFormBrowser(), ada)
    const token = tokens.refresh_token ?? ''
    const revoked = await requestTokens(provider, { token }, '/token/revocation')
    expect(revoked.status).toBe(200)
    const renewed = await requestTokens(provider, {
      grant_type: 'refresh_token',
      refresh_token: token,
    })
    expect(await renewed.json()).toMatchObject({ error: 'invalid_grant' })
  })

  it('signs out at once with the ID token of the person, and asks without it', async () => {
    const browser = createFormBrowser()
    const tokens = await signInForTokens(client(), browser, ada)
    const end = new URL(`${provider.issuer}/session/end`)
    end.searchParams.set('client_id', provider.clientId)
    end.searchParams.set('post_logout_redirect_uri', `${clientOrigin}/`)
    const asked = await browser.open(end.href)
    expect(asked.body).toContain('Sign out?')
    expect(asked.body).not.toContain('<script>')
    end.searchParams.set('id_token_hint', tokens.id_token ?? '')
    const sure = await browser.open(end.href)
    expect(sure.body).toContain('<script>document.querySelector')
    const back = await browser.submit(sure, { logout: 'yes' }, `${clientOrigin}/`)
    expect(back.url).toBe(`${clientOrigin}/`)
    const form = await browser.open(makeAuthorizationRequest(client()).url, callback)
    expect(form.body).toContain('name="password"')
  })

  it('sends no-referrer and a strict policy with everything', async () => {
    for (const path of [
      '/nowhere',
      '/auth',
      '/.well-known/openid-configuration',
      '/interaction/x',
    ]) {
      const { headers } = await fetch(provider.issuer + path)
      expect(headers.get('referrer-policy')).toBe('no-referrer')
      expect(headers.get('content-security-policy')).toContain("default-src 'none'")
      expect(headers.get('x-content-type-options')).toBe('nosniff')
    }
  })

  it.each(['localhost', 'rebound.test', '127.0.0.1', '127.0.0.1:1'])(
    'answers 421 for the Host "%s"',
    async (host) => {
      expect(await statusFor(provider.issuer, host)).toBe(421)
    },
  )
})

describe('startDevProvider with a data folder', () => {
  it('keeps port, keys, secret, provider session and refresh tokens over a restart', async () => {
    const path = mkdtempSync(join(tmpdir(), 'coatcheck-provider-'))
    const folder = openDataFolder(path)
    try {
      const first = await startDevProvider({ clientOrigin, folder })
      const browser = createFormBrowser()
      const tokens = await signInForTokens({ provider: first, clientOrigin }, browser, grace)
      const keys = await (await fetch(`${first.issuer}/jwks`)).text()
      await first.close()
      const second = await startDevProvider({ clientOrigin, folder })
      expect(second).toMatchObject({ issuer: first.issuer, clientSecret: first.clientSecret })
      expect(await (await fetch(`${second.issuer}/jwks`)).text()).toBe(keys)
      const grant = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token ?? '' }
      expect((await requestTokens(second, grant)).status).toBe(200)
      const { url } = makeAuthorizationRequest({ provider: second, clientOrigin })
      expect(new URL((await browser.open(url, callback)).url).searchParams.has('code')).toBe(true)
      await second.close()
      for (const name of [
        'provider-keys.json',
        'client-secret',
        'dpop-nonce-secret',
        'provider.sqlite',
      ]) {
        expect(statSync(folder.file(name)).mode & 0o777).toBe(0o600)
      }
    } finally {
      folder.release()
      rmSync(path, { recursive: true })
    }
  })
})

function statusFor(origin: string, host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const sent = request(`${origin}/.well-known/openid-configuration`, { headers: { host } })
    sent.on('response', (answer) => {
      answer.resume()
      resolve(answer.statusCode)
    })
    sent.on('error', reject)
    sent.end()
  })
}
