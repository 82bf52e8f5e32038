import * as oauth from 'oauth4webapi'
import { type Clock, systemClock } from '../core/clock.ts'
import { CoatcheckError } from '../core/errors.ts'
import type { Secret } from '../core/secret.ts'
import { allowInsecureHttp } from '../core/unsafe.ts'
import type { AsymmetricAlgorithm } from '../tokens/algorithm.ts'
import type { KeySet } from '../tokens/key-set.ts'
import { createRemoteKeySet } from '../tokens/remote-key-set.ts'
import { createVerifiedTokenSet, type VerifiedTokenSet } from '../tokens/verified-token-set.ts'
import { createVerifier, type Verifier } from '../tokens/verifier.ts'
import { createBoundedFetch, type Fetch } from './bounded-fetch.ts'
import { createDiscovery, type ProviderHealth } from './discovery.ts'
import {
  failureOfThrown,
  readTokenFailure,
  signInError,
  type TokenCallFailure,
} from './token-answer.ts'

/** Which provider, and as which client. */
export interface ProviderOptions {
  /** Compared exactly with what the provider says of itself. */
  readonly issuer: string
  readonly clientId: string
  /** A client without a secret is public, and refused: anybody could use its codes. */
  readonly clientSecret: Secret
  /** When set, access tokens are JWTs that are verified for this audience. Default: they are opaque, from our own confidential call. */
  readonly audience?: string
  /** For how long the provider takes a spent refresh token again. Default: 0. */
  readonly refreshReuseGraceSeconds?: number
  /** Default: those of `createVerifier`. */
  readonly idTokenAlgorithms?: readonly AsymmetricAlgorithm[]
  /** How long a call to the provider may take. Default: 10000; shorter than a renewal's lease (30 s). */
  readonly timeoutMs?: number
  /** How far clocks may differ. Default: 5. */
  readonly clockToleranceSeconds?: number
  /** Default: the platform's. */
  readonly fetch?: Fetch
  /** Milliseconds since 1970. Default: the machine's clock. */
  readonly clock?: Clock
  /** Allows a provider over plain http: on this machine alone. */
  readonly [allowInsecureHttp]?: boolean
}

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
  renew(input: {
    readonly refreshToken: string
    readonly tokenSet: VerifiedTokenSet
  }): Promise<ProviderRenewal>
  /** Revokes a refresh token, where the provider can. Rejects with `provider_unavailable` or `provider_refused`. */
  revoke(refreshToken: string): Promise<void>
  endSessionEndpoint(): Promise<string | undefined>
  health(): ProviderHealth
}

const MAX_RESPONSE_BYTES = 262_144

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
  const { issuer, clientId } = options
  const insecure = options[allowInsecureHttp] === true
  checkProviderOptions(options, insecure)
  const clock = options.clock ?? systemClock
  const bounds = { timeoutMs: options.timeoutMs ?? 10_000, maxResponseBytes: MAX_RESPONSE_BYTES }
  const fetch = createBoundedFetch(options.fetch ?? (globalThis.fetch as Fetch), bounds)
  const discovery = createDiscovery({ issuer, fetch, clock, insecure })
  const tolerance = options.clockToleranceSeconds ?? 5
  const http = { [oauth.customFetch]: fetch, [oauth.allowInsecureRequests]: insecure }
  let verifiers: { readonly id: Verifier; readonly access: Verifier | undefined } | undefined

  // oauth4webapi reckons with the machine's clock: the difference to ours is its skew.
  const client = (): oauth.Client => ({
    client_id: clientId,
    [oauth.clockSkew]: Math.round((clock() - Date.now()) / 1000),
    [oauth.clockTolerance]: tolerance,
  })

  function authentication(metadata: oauth.AuthorizationServer): oauth.ClientAuth {
    const methods = metadata.token_endpoint_auth_methods_supported ?? ['client_secret_basic']
    const secret = options.clientSecret.reveal()
    return methods.includes('client_secret_basic')
      ? oauth.ClientSecretBasic(secret)
      : oauth.ClientSecretPost(secret)
  }

  function verifiersFor(metadata: oauth.AuthorizationServer): NonNullable<typeof verifiers> {
    if (verifiers !== undefined) return verifiers
    const jwks: KeySet = createRemoteKeySet({
      jwksUri: metadata.jwks_uri ?? '',
      clock,
      timeoutMs: bounds.timeoutMs,
      [allowInsecureHttp]: insecure,
    })
    const common = { issuer, jwks, clock, clockToleranceSeconds: tolerance, cache: false as const }
    const { audience, idTokenAlgorithms: algorithms } = options
    verifiers = {
      id: createVerifier({
        ...common,
        kind: 'id_token',
        audience: clientId,
        ...(algorithms === undefined ? {} : { algorithms }),
      }),
      access:
        audience === undefined
          ? undefined
          : createVerifier({ ...common, kind: 'access_token', audience }),
    }
    return verifiers
  }

  async function toTokenSet(
    metadata: oauth.AuthorizationServer,
    answer: oauth.TokenEndpointResponse,
    receivedAt: number,
    former: {
      readonly nonce?: string
      readonly previous?: VerifiedTokenSet
      readonly refreshToken?: string
    },
  ): Promise<VerifiedTokenSet> {
    const { id, access } = verifiersFor(metadata)
    const { access_token: raw, id_token: rawIdToken, expires_in: lifetimeSeconds, scope } = answer
    if (answer.token_type !== 'bearer') throw new CoatcheckError('provider_response_invalid')
    const { nonce, previous } = former
    const idToken =
      rawIdToken === undefined
        ? undefined
        : await id.verify(rawIdToken, {
            accessToken: raw,
            ...(nonce === undefined ? {} : { nonce }),
          })
    const refreshToken = answer.refresh_token ?? former.refreshToken
    return createVerifiedTokenSet({
      clientId,
      accessToken:
        access === undefined
          ? { opaque: raw, trustedBy: 'confidential_token_call' }
          : await access.verify(raw),
      accessTokenReceivedAt: receivedAt,
      ...(idToken === undefined ? {} : { idToken }),
      ...(previous === undefined ? {} : { previous }),
      ...(lifetimeSeconds === undefined
        ? {}
        : { accessTokenExpiresAt: receivedAt + lifetimeSeconds * 1000 }),
      ...(refreshToken === undefined ? {} : { refreshToken }),
      ...(scope === undefined ? {} : { scope }),
    })
  }

  async function exchangeCode(exchange: CodeExchange): Promise<VerifiedTokenSet> {
    const metadata = await discovery.metadata()
    const receivedAt = clock()
    try {
      const parameters = oauth.validateAuthResponse(
        metadata,
        client(),
        exchange.callback,
        exchange.state,
      )
      const response = await oauth.authorizationCodeGrantRequest(
        metadata,
        client(),
        authentication(metadata),
        parameters,
        exchange.redirectUri,
        exchange.codeVerifier,
        http,
      )
      const answer = await oauth.processAuthorizationCodeResponse(metadata, client(), response, {
        expectedNonce: exchange.nonce,
        requireIdToken: true,
      })
      return await toTokenSet(metadata, answer, receivedAt, { nonce: exchange.nonce })
    } catch (error) {
      throw signInError(error)
    }
  }

  async function renew(input: {
    readonly refreshToken: string
    readonly tokenSet: VerifiedTokenSet
  }): Promise<ProviderRenewal> {
    const { refreshToken, tokenSet: previous } = input
    const metadata = await discovery.metadata().catch(() => undefined)
    if (metadata === undefined) return { kind: 'not_spent' }
    const receivedAt = clock()
    try {
      const response = await oauth.refreshTokenGrantRequest(
        metadata,
        client(),
        authentication(metadata),
        refreshToken,
        http,
      )
      const failure = await readTokenFailure(response)
      if (failure !== undefined) return failure
      const answer = await oauth.processRefreshTokenResponse(metadata, client(), response)
      const tokenSet = await toTokenSet(metadata, answer, receivedAt, { previous, refreshToken })
      return { kind: 'renewed', tokenSet }
    } catch (error) {
      return failureOfThrown(error)
    }
  }

  async function revoke(refreshToken: string): Promise<void> {
    const metadata = await discovery.metadata()
    if (metadata.revocation_endpoint === undefined) return
    try {
      const response = await oauth.revocationRequest(
        metadata,
        client(),
        authentication(metadata),
        refreshToken,
        { ...http, additionalParameters: { token_type_hint: 'refresh_token' } },
      )
      await oauth.processRevocationResponse(response)
    } catch (error) {
      throw signInError(error)
    }
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

function checkProviderOptions(options: ProviderOptions, insecure: boolean): void {
  const faults: string[] = []
  const url = URL.canParse(options.issuer) ? new URL(options.issuer) : undefined
  const isHttps = url?.protocol === 'https:' || (insecure && url?.protocol === 'http:')
  if (!isHttps || url?.search !== '' || url.hash !== '') {
    faults.push('provider.issuer must be an https address without query and fragment')
  }
  if (options.clientId === '') faults.push('provider.clientId must not be empty')
  // From JavaScript, or an empty file: a client without a secret is public (RFC 10017, 6.1.3.1).
  const secret: Secret | undefined = options.clientSecret
  if (secret === undefined || secret.reveal() === '') {
    faults.push('provider.clientSecret must not be empty: register a confidential client')
  }
  if (faults.length > 0) {
    throw new CoatcheckError('invalid_configuration', { detail: `\n- ${faults.join('\n- ')}\n` })
  }
}
