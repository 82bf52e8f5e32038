import { createHash, randomBytes } from 'node:crypto'
import type { FormBrowser } from './form-browser.ts'
import type { DevProvider } from './provider.ts'

/** What the provider's token endpoint answers. */
export interface TokenAnswer {
  readonly access_token: string
  readonly token_type: string
  readonly expires_in: number
  readonly scope: string
  readonly refresh_token?: string
  readonly id_token?: string
}

/** A provider and its one client. */
export interface SignInClient {
  readonly provider: DevProvider
  readonly clientOrigin: string
}

/** Where an authorization request leads, and what belongs to it. */
export interface AuthorizationRequest {
  readonly url: string
  readonly redirectUri: string
  readonly state: string
  readonly nonce: string
  readonly codeVerifier: string
}

const SCOPE = 'openid profile email offline_access orders:read orders:write'
const RANDOM_BYTES = 32

/**
 * Makes an authorization request for the development provider.
 *
 * @see RFC 7636; OpenID Connect Core, section 3.1.2.1
 * @example
 * const { url } = makeAuthorizationRequest(client, { prompt: 'login' })
 */
export function makeAuthorizationRequest(
  { provider, clientOrigin }: SignInClient,
  extra: Readonly<Record<string, string>> = {},
): AuthorizationRequest {
  const [state, nonce, codeVerifier] = [randomText(), randomText(), randomText()]
  const redirectUri = extra.redirect_uri ?? `${clientOrigin}/auth/callback`
  const parameters = new URLSearchParams({
    client_id: provider.clientId,
    response_type: 'code',
    redirect_uri: redirectUri,
    scope: SCOPE,
    state,
    nonce,
    code_challenge: createHash('sha256').update(codeVerifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...extra,
  })
  return { url: `${provider.issuer}/auth?${parameters}`, redirectUri, state, nonce, codeVerifier }
}

/**
 * Signs in at the development provider as a person would, forms and all, and trades the code: real tokens
 * for tests, labs and measurements.
 *
 * @example
 * const provider = await startDevProvider({ clientOrigin: 'http://localhost:8080' })
 * const client = { provider, clientOrigin: 'http://localhost:8080' }
 * const tokens = await signInForTokens(client, createFormBrowser(), TEST_USERS[0])
 */
export async function signInForTokens(
  client: SignInClient,
  browser: FormBrowser,
  user: { readonly username: string; readonly password: string },
): Promise<TokenAnswer> {
  return tradeCode(makeAuthorizationRequest(client), browser, user, (parameters) =>
    requestTokens(client.provider, parameters),
  )
}

/** Goes through the provider's forms with an authorization request, and trades the code that comes of it. */
export async function tradeCode(
  { redirectUri, url, codeVerifier }: AuthorizationRequest,
  browser: FormBrowser,
  user: { readonly username: string; readonly password: string },
  request: (parameters: Readonly<Record<string, string>>) => Promise<Response>,
): Promise<TokenAnswer> {
  const first = await browser.open(url, redirectUri)
  const fields = { username: user.username, password: user.password, choice: 'go' }
  const last = first.body === '' ? first : await browser.submit(first, fields, redirectUri)
  const code = new URL(last.url).searchParams.get('code')
  if (code === null) throw new Error(`no code: the provider answered ${last.status}`)
  const grant = { grant_type: 'authorization_code', code, redirect_uri: redirectUri }
  const answer = await request({ ...grant, code_verifier: codeVerifier })
  if (!answer.ok) throw new Error(`no tokens: the provider answered ${answer.status}`)
  return (await answer.json()) as TokenAnswer
}

/**
 * Sends a request to the token endpoint, or another one of the provider's, as the confidential client.
 *
 * @example
 * const answer = await requestTokens(provider, { token }, '/token/revocation')
 */
export function requestTokens(
  provider: DevProvider,
  parameters: Readonly<Record<string, string>>,
  path = '/token',
): Promise<Response> {
  const { clientId, clientSecret, issuer } = provider
  const authorization = `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`
  const body = new URLSearchParams(parameters)
  return fetch(`${issuer}${path}`, { method: 'POST', headers: { authorization }, body })
}

function randomText(): string {
  return randomBytes(RANDOM_BYTES).toString('base64url')
}
