import type { Context } from 'oidc-provider'
import {
  confidentialMetadata,
  type DevClient,
  type DevPublicClient,
  publicMetadata,
} from './provider-clients.ts'
import { clientBasedCors } from './provider-cors.ts'
import { providerFeatures } from './provider-features.ts'
import { loadOrMakeGrant } from './provider-grants.ts'
import { messagePage } from './provider-pages.ts'
import type { ProviderSecrets } from './provider-secrets.ts'
import type { ProviderStore } from './provider-store.ts'
import type { Users } from './users.ts'

/** What the configuration of oidc-provider is made from. */
export interface ProviderConfigurationInput {
  readonly issuer: string
  readonly clientId: string
  readonly clientOrigin: string
  readonly furtherClients: readonly DevClient[]
  readonly publicClients: readonly DevPublicClient[]
  readonly apiAudience: string
  readonly accessTokenSeconds: number
  readonly refreshTokenSeconds: number
  readonly accessTokenFormat: 'jwt' | 'opaque'
  readonly secrets: ProviderSecrets
  readonly store: ProviderStore
  readonly users: Users
}

/** The scopes of the sample API. */
export const API_SCOPE = 'orders:read orders:write'

const OPENID_SCOPE = 'openid profile email offline_access'
const DAY_SECONDS = 86_400
const ID_TOKEN_SECONDS = 3600
const CODE_SECONDS = 60
const INTERACTION_SECONDS = 600

/**
 * How oidc-provider is set up: a confidential client and whatever others there are, all with PKCE, rotating
 * refresh tokens, and access tokens as JWTs for the sample API.
 *
 * @see RFC 7636; RFC 9700, section 2.1; OpenID Connect Core 1.0
 */
export function providerConfiguration(input: ProviderConfigurationInput): object {
  const { publicClients, secrets, store, users, refreshTokenSeconds, accessTokenSeconds } = input
  const first = { clientId: input.clientId, origin: input.clientOrigin }
  const grant = {
    openidScope: OPENID_SCOPE,
    apiAudience: input.apiAudience,
    apiScope: API_SCOPE,
    lifetimeSeconds: refreshTokenSeconds,
  }
  return {
    adapter: store.adapter,
    clients: [
      ...[first, ...input.furtherClients].map((client) =>
        confidentialMetadata(client, secrets.clientSecret),
      ),
      ...publicClients.map(publicMetadata),
    ],
    jwks: secrets.jwks,
    cookies: cookieOptions(input),
    scopes: OPENID_SCOPE.split(' '),
    claims: {
      openid: ['sub'],
      profile: ['name', 'preferred_username'],
      email: ['email', 'email_verified'],
    },
    // The person's claims come with the ID token; otherwise only userinfo would have them.
    conformIdTokenClaims: false,
    responseTypes: ['code'],
    clientAuthMethods: ['client_secret_basic', ...(publicClients.length > 0 ? ['none'] : [])],
    pkce: { required: () => true },
    clientBasedCORS: clientBasedCors(publicClients),
    rotateRefreshToken: true,
    issueRefreshToken: async (_context: Context, client: Context['oidc']['client']) =>
      client.grantTypeAllowed('refresh_token'),
    // A refresh token outlives the provider's own session: only revoking or time ends it.
    expiresWithSession: async () => false,
    loadExistingGrant: (context: Context) => loadOrMakeGrant(context, grant),
    findAccount: async (_context: unknown, id: string) => account(users, id),
    interactions: { url: (_context: unknown, { uid }: { uid: string }) => `/interaction/${uid}` },
    renderError,
    features: providerFeatures({ ...input, apiScope: API_SCOPE }),
    ttl: {
      AccessToken: accessTokenSeconds,
      AuthorizationCode: CODE_SECONDS,
      IdToken: ID_TOKEN_SECONDS,
      RefreshToken: refreshTokenSeconds,
      Grant: refreshTokenSeconds,
      Session: DAY_SECONDS,
      Interaction: INTERACTION_SECONDS,
    },
  }
}

// Cookies ignore ports: several providers on this address must not take each other's.
function cookieOptions({ issuer, secrets }: ProviderConfigurationInput): object {
  const { port } = new URL(issuer)
  const shared = { httpOnly: true, sameSite: 'lax', signed: true }
  return {
    keys: secrets.cookieKeys,
    names: {
      session: `_session_${port}`,
      interaction: `_interaction_${port}`,
      resume: `_resume_${port}`,
    },
    long: { ...shared, maxAge: DAY_SECONDS * 1000 },
    short: shared,
  }
}

function account(users: Users, id: string): object | undefined {
  const user = users.byId(id)
  if (user === undefined) return undefined
  return {
    accountId: id,
    claims: async () => ({
      sub: id,
      name: user.name,
      preferred_username: user.username,
      email: user.email,
      email_verified: true,
    }),
  }
}

async function renderError(
  context: Context,
  out: { readonly error?: string; readonly error_description?: string },
): Promise<void> {
  context.type = 'html'
  context.body = messagePage(
    'That did not work',
    out.error_description ?? 'The provider could not answer this request.',
    out.error,
  )
}
