import { type Context, errors } from 'oidc-provider'
import { logoutPage, messagePage } from './provider-pages.ts'
import type { ProviderSecrets } from './provider-secrets.ts'
import type { ProviderStore } from './provider-store.ts'
import type { Users } from './users.ts'

/** A client of the provider, beside the first. */
export interface DevClient {
  readonly clientId: string
  /** Where sign-in and sign-out come back to. */
  readonly origin: string
}

/** What the configuration of oidc-provider is made from. */
export interface ProviderConfigurationInput {
  readonly issuer: string
  readonly clientId: string
  readonly clientOrigin: string
  readonly furtherClients: readonly DevClient[]
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
 * How oidc-provider is set up: one confidential client with PKCE, rotating refresh tokens, and access
 * tokens as JWTs for the sample API.
 *
 * @see RFC 9068; RFC 8707; RFC 7636; OpenID Connect RP-Initiated Logout 1.0
 */
export function providerConfiguration(input: ProviderConfigurationInput): object {
  const { secrets, store, users, refreshTokenSeconds, accessTokenSeconds } = input
  return {
    adapter: store.adapter,
    clients: [
      clientMetadata(input, { clientId: input.clientId, origin: input.clientOrigin }),
      ...input.furtherClients.map((client) => clientMetadata(input, client)),
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
    clientAuthMethods: ['client_secret_basic'],
    pkce: { required: () => true },
    clientBasedCORS: () => false,
    rotateRefreshToken: true,
    issueRefreshToken: async (_context: Context, client: Context['oidc']['client']) =>
      client.grantTypeAllowed('refresh_token'),
    // A refresh token outlives the provider's own session: only revoking or time ends it.
    expiresWithSession: async () => false,
    loadExistingGrant: (context: Context) => loadOrMakeGrant(context, input),
    findAccount: async (_context: unknown, id: string) => account(users, id),
    interactions: { url: (_context: unknown, { uid }: { uid: string }) => `/interaction/${uid}` },
    renderError,
    features: features(input),
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

function clientMetadata(
  { secrets }: ProviderConfigurationInput,
  { clientId, origin }: DevClient,
): object {
  return {
    client_id: clientId,
    client_name: 'the Coatcheck sample',
    client_secret: secrets.clientSecret,
    token_endpoint_auth_method: 'client_secret_basic',
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    redirect_uris: [`${origin}/auth/callback`],
    post_logout_redirect_uris: [`${origin}/`],
    id_token_signed_response_alg: 'RS256',
  }
}

function features(input: ProviderConfigurationInput): object {
  const { apiAudience, accessTokenSeconds, accessTokenFormat } = input
  return {
    devInteractions: { enabled: false },
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
          scope: API_SCOPE,
          accessTokenTTL: accessTokenSeconds,
          accessTokenFormat,
          ...(accessTokenFormat === 'jwt' ? { jwt: { sign: { alg: 'ES256' } } } : {}),
        }
      },
    },
  }
}

async function isOwnToken(
  _context: unknown,
  client: { readonly clientId: string },
  token: { readonly clientId?: string },
): Promise<boolean> {
  return token.clientId === client.clientId
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

// The client is ours: signing in is all the consent that it needs, unless it asks for more.
async function loadOrMakeGrant(
  context: Context,
  input: ProviderConfigurationInput,
): Promise<object> {
  const { client, session, result, provider } = context.oidc
  const grantId = result?.consent?.grantId ?? session.grantIdFor(client.clientId)
  const former = grantId === undefined ? undefined : await provider.Grant.find(grantId)
  if (former !== undefined && former.accountId === session.accountId) return former
  const accountId = session.accountId ?? ''
  const grant = new provider.Grant({ clientId: client.clientId, accountId })
  grant.addOIDCScope(OPENID_SCOPE)
  grant.addResourceScope(input.apiAudience, API_SCOPE)
  await grant.save(input.refreshTokenSeconds)
  return grant
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
