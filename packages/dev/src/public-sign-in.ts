import type { DpopProver } from './dpop-prover.ts'
import type { FormBrowser } from './form-browser.ts'
import type { DevProvider } from './provider.ts'
import { type DevPublicClient, redirectUris } from './provider-clients.ts'
import {
  type AuthorizationRequest,
  makeAuthorizationRequest,
  type TokenAnswer,
  tradeCode,
} from './sign-in.ts'
import type { Fetch } from './trusting-fetch.ts'
import type { TestUser } from './users.ts'

/** A provider and one of its public clients. */
export interface PublicSignInClient {
  readonly provider: DevProvider
  readonly client: DevPublicClient
  /** Needed for a client with `dpop`. */
  readonly prover?: DpopProver
  /** Default: the platform's, which trusts no certificate of ours. */
  readonly fetch?: Fetch
}

// Without offline_access: a public client has its refresh token from the grant type alone.
const SCOPE = 'openid profile email orders:read orders:write'

/**
 * Makes an authorization request of a public client, which comes back to the first of its addresses.
 *
 * @see RFC 7636; OpenID Connect Core, section 3.1.2.1
 * @example
 * const { url } = makePublicAuthorizationRequest({ provider, client }, { prompt: 'login' })
 */
export function makePublicAuthorizationRequest(
  { provider, client }: PublicSignInClient,
  extra: Readonly<Record<string, string>> = {},
): AuthorizationRequest {
  const [redirectUri = client.origin] = redirectUris(client)
  return makeAuthorizationRequest(
    { provider, clientOrigin: client.origin },
    { client_id: client.clientId, redirect_uri: redirectUri, scope: SCOPE, ...extra },
  )
}

/**
 * Signs in at the development provider as a person would, and trades the code as a public client.
 *
 * @example
 * const client = { clientId: 'shop', origin: 'http://shop.localhost:8081' }
 * const clientOrigin = 'http://localhost:8080'
 * const provider = await startDevProvider({ clientOrigin, publicClients: [client] })
 * const tokens = await signInPublicClient({ provider, client }, createFormBrowser(), TEST_USERS[0])
 */
export async function signInPublicClient(
  signIn: PublicSignInClient,
  browser: FormBrowser,
  user: TestUser,
): Promise<TokenAnswer> {
  return tradeCode(makePublicAuthorizationRequest(signIn), browser, user, (parameters) =>
    requestPublicTokens(signIn, parameters),
  )
}

/**
 * Sends a request to the token endpoint, or another one of the provider's, as a public client: with a proof
 * if there is a prover, and a second time if a nonce is asked for.
 *
 * @see RFC 6749, section 3.2.1; RFC 9449, sections 5 and 8
 * @example
 * const answer = await requestPublicTokens({ provider, client }, { token }, '/token/revocation')
 */
export async function requestPublicTokens(
  { provider, client, prover, fetch = globalThis.fetch }: PublicSignInClient,
  parameters: Readonly<Record<string, string>>,
  path = '/token',
): Promise<Response> {
  const address = `${provider.issuer}${path}`
  const send = async (nonce?: string): Promise<Response> => {
    const proof = await prover?.prove({ method: 'POST', address, nonce })
    return fetch(address, {
      method: 'POST',
      headers: { origin: client.origin, ...(proof === undefined ? {} : { dpop: proof }) },
      body: new URLSearchParams({ client_id: client.clientId, ...parameters }),
    })
  }
  const answer = await send()
  const nonce = answer.headers.get('dpop-nonce')
  if (answer.status !== 400 || nonce === null) return answer
  await answer.body?.cancel()
  return send(nonce)
}
