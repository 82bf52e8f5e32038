import { createFormBrowser, type DevProvider, startDevProvider, TEST_USERS } from '@coatcheck/dev'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeBase64url } from '../../packages/coatcheck/src/core/bytes.ts'
import { systemRandom } from '../../packages/coatcheck/src/core/random.ts'
import { Secret } from '../../packages/coatcheck/src/core/secret.ts'
import { allowInsecureHttp } from '../../packages/coatcheck/src/core/unsafe.ts'
import { createProvider, type Provider } from '../../packages/coatcheck/src/provider/provider.ts'
import type { VerifiedTokenSet } from '../../packages/coatcheck/src/tokens/verified-token-set.ts'

const ORIGIN = 'http://localhost:9'
const redirectUri = `${ORIGIN}/auth/callback`

let running: DevProvider
beforeAll(async () => {
  running = await startDevProvider({ clientOrigin: ORIGIN })
})
afterAll(() => running.close())

function client(audience?: string): Provider {
  return createProvider({
    issuer: running.issuer,
    clientId: running.clientId,
    clientSecret: new Secret(running.clientSecret),
    ...(audience === undefined ? {} : { audience }),
    [allowInsecureHttp]: true,
  })
}

async function signIn(provider: Provider): Promise<VerifiedTokenSet> {
  const random = (): string => encodeBase64url(systemRandom(32))
  const own = { redirectUri, state: random(), nonce: random(), codeVerifier: random() }
  const scope = 'openid profile email offline_access orders:read'
  const location = await provider.authorizationUrl({ ...own, scope })
  const browser = createFormBrowser()
  const form = await browser.open(location, redirectUri)
  const [user] = TEST_USERS
  const fields = { username: user?.username ?? '', password: user?.password ?? '', choice: 'go' }
  const last = await browser.submit(form, fields, redirectUri)
  return provider.exchangeCode({ ...own, callback: new URL(last.url).searchParams })
}

describe('createProvider with oidc-provider', () => {
  it('signs in, renews with rotation, and revokes', async () => {
    const provider = client()
    const first = await signIn(provider)
    expect(first).toMatchObject({ issuer: running.issuer, accessTokenKind: 'opaque' })
    expect(first.claims.email).toMatch(/@/)
    expect(first.accessTokenExpiresAt).toBeGreaterThan(Date.now())

    const renewed = await provider.renew({
      refreshToken: first.refreshToken ?? '',
      tokenSet: first,
    })
    if (renewed.kind !== 'renewed') throw new Error(renewed.kind)
    const { tokenSet } = renewed
    expect(tokenSet.subject).toBe(first.subject)
    expect(tokenSet.accessToken).not.toBe(first.accessToken)
    expect(tokenSet.refreshToken).not.toBe(first.refreshToken)

    await provider.revoke(tokenSet.refreshToken ?? '')
    const revoked = await provider.renew({ refreshToken: tokenSet.refreshToken ?? '', tokenSet })
    expect(revoked).toEqual({ kind: 'refused', why: 'invalid_grant' })
  })

  it('T-RENEW-01 is refused with a refresh token that was spent', async () => {
    const provider = client()
    const tokenSet = await signIn(provider)
    const spent = { refreshToken: tokenSet.refreshToken ?? '', tokenSet }
    expect((await provider.renew(spent)).kind).toBe('renewed')
    expect(await provider.renew(spent)).toEqual({ kind: 'refused', why: 'invalid_grant' })
  })

  it('verifies its access tokens for the audience that they are for, and no other', async () => {
    expect((await signIn(client(running.apiAudience))).accessTokenKind).toBe('jwt')
    await expect(signIn(client('https://other.example'))).rejects.toMatchObject({
      code: 'token_audience_mismatch',
    })
  })

  it('cannot trade a code that was never given', async () => {
    const provider = client()
    const callback = new URLSearchParams({ code: 'never-issued', state: 's', iss: running.issuer })
    const codeVerifier = 'v'.repeat(43)
    const exchange = { callback, redirectUri, state: 's', nonce: 'n', codeVerifier }
    await expect(provider.exchangeCode(exchange)).rejects.toMatchObject({
      code: 'provider_refused',
    })
  })
})
