import * as oauth from 'oauth4webapi'
import { systemClock } from '../core/clock.ts'
import { CoatcheckError } from '../core/errors.ts'
import { allowInsecureHttp } from '../core/unsafe.ts'
import type { VerifiedTokenSet } from '../tokens/verified-token-set.ts'
import { createBoundedFetch, type Fetch, NoAnswerError } from './bounded-fetch.ts'
import { clientAuthentication } from './client-authentication.ts'
import { createDiscovery, type ProviderHealth } from './discovery.ts'
import { checkProviderOptions, MAX_TIMEOUT_MS, type ProviderOptions } from './provider-options.ts'
import {
  providerError,
  readTokenFailure,
  refuseUnavailable,
  type TokenCallFailure,
} from './token-answer.ts'
import { createTokenReader } from './token-reader.ts'

export type { ProviderOptions } from './provider-options.ts'

/** What an authorization request says. */
export interface AuthorizationRequest {
  readonly redirectUri: string
  readonly state: string
  readonly nonce: string
  readonly codeVerifier: string
  readonly scope: string
  /** Further parameters. Default: none. */
  readonly extra?: Readonly<Record<string, string>>
}

/** The provider's answer at the callback, and what the sign-in remembers of itself. */
export interface CodeExchange {
  readonly callback: URLSearchParams
  readonly redirectUri: string
  readonly state: string
  readonly nonce: string
  readonly codeVerifier: string
}

/** A refresh token, and the set that it belongs to. */
export interface Renewal {
  readonly refreshToken: string
  readonly tokenSet: VerifiedTokenSet
}

/** What came of a renewal. */
export type ProviderRenewal =
  | { readonly kind: 'renewed'; readonly tokenSet: VerifiedTokenSet }
  | TokenCallFailure

/** An OpenID provider, as its confidential client sees it. */
export interface Provider {
  readonly issuer: string
  readonly clientId: string
  readonly refreshReuseGraceSeconds: number
  /** Has the metadata, or rejects with `provider_unavailable` or `provider_metadata_invalid`. */
  ready(): Promise<void>
  authorizationUrl(request: AuthorizationRequest): Promise<string>
  /** Trades a code for verified tokens. Rejects with `sign_in_refused`, `provider_...` or `token_...`. */
  exchangeCode(exchange: CodeExchange): Promise<VerifiedTokenSet>
  /** Trades a refresh token. Never rejects for what a provider does. */
  renew(renewal: Renewal): Promise<ProviderRenewal>
  /** Revokes a refresh token, where the provider can. Rejects with `provider_unavailable` or `provider_refused`. */
  /** Default kind: `refresh_token`. */
  revoke(token: string, kind?: 'access_token' | 'refresh_token'): Promise<void>
  endSessionEndpoint(): Promise<string | undefined>
  health(): ProviderHealth
}

const MAX_RESPONSE_BYTES = 262_144
// For what can be asked again: metadata and keys.
const SHORT_TIMEOUT_MS = 5000

/**
 * A confidential client of an OpenID provider. Throws `invalid_configuration` for a public client or an
 * address that is not https.
 *
 * @see RFC 6749; RFC 7636; RFC 9207; RFC 7009; OpenID Connect Core
 * @example
 * const provider = createProvider({
 *   issuer: 'https://idp.example',
 *   clientId: 'app',
 *   clientSecret: new Secret('from a file'),
 * })
 */
export function createProvider(options: ProviderOptions): Provider {
  checkProviderOptions(options)
  const { issuer, clientId } = options
  const insecure = options[allowInsecureHttp] === true
  const clock = options.clock ?? systemClock
  const timeoutMs = options.timeoutMs ?? MAX_TIMEOUT_MS
  const shortTimeoutMs = Math.min(timeoutMs, SHORT_TIMEOUT_MS)
  const fetchWithin = (limitMs: number): Fetch => {
    const bounds = { timeoutMs: limitMs, maxResponseBytes: MAX_RESPONSE_BYTES }
    return createBoundedFetch(options.fetch ?? globalThis.fetch, bounds)
  }
  const { endpointHosts } = options
  const discovery = createDiscovery({
    ...{ issuer, clock, insecure, endpointHosts },
    fetch: fetchWithin(shortTimeoutMs),
  })
  const readTokens = createTokenReader({ ...options, clock, keyTimeoutMs: shortTimeoutMs })
  const http = {
    [oauth.customFetch]: fetchWithin(timeoutMs),
    [oauth.allowInsecureRequests]: insecure,
  }

  // oauth4webapi reckons with the machine's clock: the difference to ours is its skew.
  const client = (): oauth.Client => ({
    client_id: clientId,
    [oauth.clockSkew]: Math.round((clock() - Date.now()) / 1000),
    [oauth.clockTolerance]: options.clockToleranceSeconds ?? 5,
  })

  async function exchangeCode(exchange: CodeExchange): Promise<VerifiedTokenSet> {
    const metadata = await discovery.metadata()
    const { callback, redirectUri, state, nonce, codeVerifier } = exchange
    const receivedAt = clock()
    try {
      const response = await oauth.authorizationCodeGrantRequest(
        metadata,
        client(),
        clientAuthentication(metadata, options.clientSecret),
        oauth.validateAuthResponse(metadata, client(), callback, state),
        redirectUri,
        codeVerifier,
        http,
      )
      refuseUnavailable(response, clock())
      const answer = await oauth.processAuthorizationCodeResponse(metadata, client(), response, {
        expectedNonce: nonce,
        requireIdToken: true,
      })
      return await readTokens(metadata, answer, { receivedAt, nonce })
    } catch (error) {
      throw providerError(error)
    }
  }

  async function renew(renewal: Renewal): Promise<ProviderRenewal> {
    const { refreshToken, tokenSet: previous } = renewal
    const receivedAt = clock()
    let metadata: oauth.AuthorizationServer
    let response: Response
    try {
      metadata = await discovery.metadata()
      response = await oauth.refreshTokenGrantRequest(
        metadata,
        client(),
        clientAuthentication(metadata, options.clientSecret),
        refreshToken,
        http,
      )
    } catch (error) {
      return error instanceof NoAnswerError
        ? { kind: 'lost', why: 'no_answer' }
        : { kind: 'not_spent', why: 'not_reached' }
    }
    const failure = await readTokenFailure(response, clock())
    if (failure !== undefined) return failure
    try {
      const answer = await oauth.processRefreshTokenResponse(metadata, client(), response)
      const tokenSet = await readTokens(metadata, answer, { receivedAt, previous, refreshToken })
      return { kind: 'renewed', tokenSet }
    } catch (error) {
      // A code of ours says which check failed: `token_subject_changed`, for example.
      const why = error instanceof CoatcheckError ? error.code : 'answer_unreadable'
      return { kind: 'lost', why }
    }
  }

  async function revoke(
    token: string,
    kind: 'access_token' | 'refresh_token' = 'refresh_token',
  ): Promise<void> {
    const metadata = await discovery.metadata()
    if (metadata.revocation_endpoint === undefined) return
    try {
      const response = await oauth.revocationRequest(
        metadata,
        client(),
        clientAuthentication(metadata, options.clientSecret),
        token,
        { ...http, additionalParameters: { token_type_hint: kind } },
      )
      refuseUnavailable(response, clock())
      await oauth.processRevocationResponse(response)
    } catch (error) {
      // Many providers revoke no access tokens: that is theirs to say, and no failure.
      if (kind === 'access_token' && isUnsupported(error)) return
      throw providerError(error)
    }
  }

  function isUnsupported(error: unknown): boolean {
    return error instanceof oauth.ResponseBodyError && error.error === 'unsupported_token_type'
  }

  async function authorizationUrl(request: AuthorizationRequest): Promise<string> {
    const metadata = await discovery.metadata()
    const url = new URL(metadata.authorization_endpoint ?? '')
    const challenge = await oauth.calculatePKCECodeChallenge(request.codeVerifier)
    const parameters = {
      ...request.extra,
      client_id: clientId,
      response_type: 'code',
      redirect_uri: request.redirectUri,
      scope: request.scope,
      state: request.state,
      nonce: request.nonce,
      code_challenge: challenge,
      code_challenge_method: 'S256',
    }
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
    return url.href
  }

  return {
    issuer,
    clientId,
    refreshReuseGraceSeconds: options.refreshReuseGraceSeconds ?? 0,
    ready: async () => {
      await discovery.metadata()
    },
    authorizationUrl,
    exchangeCode,
    renew,
    revoke,
    endSessionEndpoint: async () => (await discovery.metadata()).end_session_endpoint,
    health: discovery.health,
  }
}
