import { type Context, errors } from 'oidc-provider'
import { logoutPage, messagePage } from './provider-pages.ts'
import type { ProviderSecrets } from './provider-secrets.ts'

/** What the features of oidc-provider are set up from. */
export interface ProviderFeaturesInput {
  readonly apiAudience: string
  readonly apiScope: string
  readonly accessTokenSeconds: number
  readonly accessTokenFormat: 'jwt' | 'opaque'
  readonly secrets: ProviderSecrets
}

/**
 * What oidc-provider does beyond the code flow: access tokens for the sample API, proofs of possession,
 * revocation, introspection and sign-out.
 *
 * @see RFC 9068; RFC 8707; RFC 9449; RFC 7009; RFC 7662; OpenID Connect RP-Initiated Logout 1.0
 */
export function providerFeatures(input: ProviderFeaturesInput): object {
  const { apiAudience, apiScope, accessTokenSeconds, accessTokenFormat, secrets } = input
  return {
    devInteractions: { enabled: false },
    dPoP: { enabled: true, nonceSecret: secrets.dpopNonceSecret, requireNonce: isBoundClient },
    revocation: { enabled: true, allowedPolicy: isOwnToken },
    introspection: { enabled: true, allowedPolicy: isOwnToken },
    rpInitiatedLogout: { enabled: true, logoutSource, postLogoutSuccessSource },
    resourceIndicators: {
      enabled: true,
      defaultResource: async () => apiAudience,
      useGrantedResource: async () => true,
      getResourceServerInfo: async (_context: unknown, resource: string) => {
        if (resource !== apiAudience) throw new errors.InvalidTarget()
        return {
          audience: apiAudience,
          scope: apiScope,
          accessTokenTTL: accessTokenSeconds,
          accessTokenFormat,
          ...(accessTokenFormat === 'jwt' ? { jwt: { sign: { alg: 'ES256' } } } : {}),
        }
      },
    },
  }
}

// A nonce of the server's dates a proof, so that none can be made in advance (RFC 9449, section 8). Where no
// client is known yet, at userinfo, none is asked for.
function isBoundClient({ oidc }: { readonly oidc: Partial<Context['oidc']> }): boolean {
  return oidc.client?.dpopBoundAccessTokens === true
}

async function isOwnToken(
  _context: unknown,
  client: { readonly clientId: string },
  token: { readonly clientId?: string },
): Promise<boolean> {
  return token.clientId === client.clientId
}

// With an ID token of the very person, the wish to sign out is plain; without one a link of anybody's would do.
async function logoutSource(context: Context, form: string): Promise<void> {
  const { entities, session } = context.oidc
  const subject = entities.IdTokenHint?.payload.sub
  context.type = 'html'
  context.body = logoutPage(form, subject !== undefined && subject === session.accountId)
}

async function postLogoutSuccessSource(context: Context): Promise<void> {
  context.type = 'html'
  context.body = messagePage('You are signed out', 'You can close this page.')
}
