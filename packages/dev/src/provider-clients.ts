import type { Context } from 'oidc-provider'

/** A confidential client of the provider, beside the first. */
export interface DevClient {
  readonly clientId: string
  /** Where sign-in and sign-out come back to. */
  readonly origin: string
}

/** A client without a secret: a page without a server, which asks the provider from the browser. */
export interface DevPublicClient {
  readonly clientId: string
  /** Whose pages may ask the token endpoint as this client; no slash at the end. */
  readonly origin: string
  /** Where sign-in and sign-out come back to, below the origin. Default: `/` alone. */
  readonly redirectPaths?: readonly string[]
  /** Whether its tokens are bound to a key of its own, which it proves; else Bearer tokens. Default: false. */
  readonly dpop?: boolean
}

const SHARED_METADATA = {
  client_name: 'the Coatcheck sample',
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  id_token_signed_response_alg: 'RS256',
}

/** How oidc-provider is told of a confidential client. */
export function confidentialMetadata(
  { clientId, origin }: DevClient,
  clientSecret: string,
): object {
  return {
    ...SHARED_METADATA,
    client_id: clientId,
    client_secret: clientSecret,
    token_endpoint_auth_method: 'client_secret_basic',
    redirect_uris: [`${origin}/auth/callback`],
    post_logout_redirect_uris: [`${origin}/`],
  }
}

/**
 * How oidc-provider is told of a public client. Its refresh tokens rotate and, with `dpop`, are bound to
 * the key as well.
 *
 * @see RFC 6749, section 2.1; RFC 9449, sections 5 and 5.2; RFC 9700, section 4.14.2
 */
export function publicMetadata(client: DevPublicClient): object {
  return {
    ...SHARED_METADATA,
    client_id: client.clientId,
    token_endpoint_auth_method: 'none',
    redirect_uris: redirectUris(client),
    post_logout_redirect_uris: redirectUris(client),
    dpop_bound_access_tokens: client.dpop ?? false,
  }
}

/** The addresses that sign-in and sign-out of a public client come back to. */
export function redirectUris({ origin, redirectPaths = ['/'] }: DevPublicClient): string[] {
  return redirectPaths.map((path) => `${origin}${path}`)
}

/** Whether a client has no secret. */
export function isPublic({ clientAuthMethod }: Context['oidc']['client']): boolean {
  return clientAuthMethod === 'none'
}
