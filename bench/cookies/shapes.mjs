// @ts-check
// Token sets as four providers make them, by what they document: made and signed anew in each run.
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'

/**
 * @typedef {{
 *   issuer: string, clientId: string, subject: string, accessToken: string, idToken: string,
 *   refreshToken: string, scope: string, tokenType: 'Bearer', accessTokenKind: 'jwt' | 'opaque',
 *   accessTokenExpiresAt: number, accessTokenReceivedAt: number, claims: Record<string, unknown>,
 * }} TokenSet
 * @typedef {{ title: string, tokens: TokenSet }} Shape
 */

/** @returns {Promise<Shape[]>} */
export async function createShapes() {
  const signer = await createSigner()
  const makers = { Auth0: auth0, 'Entra ID': entra, Keycloak: keycloak, Google: google }
  return Promise.all(
    Object.entries(makers).map(async ([title, make]) => ({ title, tokens: await make(signer) })),
  )
}

/** @param {Shape} shape */
export function tokenBytes({ tokens }) {
  return tokens.accessToken.length + tokens.idToken.length + tokens.refreshToken.length
}

/** @typedef {Awaited<ReturnType<typeof createSigner>>} Signer */

async function createSigner() {
  const { privateKey, publicKey } = await generateKeyPair('RS256')
  const { n = '' } = await exportJWK(publicKey)
  const kid = createHash('sha256').update(n).digest('base64url')
  return {
    kid,
    thumbprint: createHash('sha1').update(n).digest('base64url'),
    /** @param {Record<string, unknown>} header @param {Record<string, unknown>} claims */
    rs256: (header, claims) =>
      new SignJWT(claims).setProtectedHeader({ alg: 'RS256', ...header }).sign(privateKey),
    /** @param {Record<string, unknown>} header @param {Record<string, unknown>} claims */
    hs512: (header, claims) =>
      new SignJWT(claims).setProtectedHeader({ alg: 'HS512', ...header }).sign(randomBytes(64)),
  }
}

const NOW = Math.floor(Date.now() / 1000)
const letters = (/** @type {number} */ bytes) => randomBytes(bytes).toString('base64url')
const hex = (/** @type {number} */ bytes) => randomBytes(bytes).toString('hex')
const digits = (/** @type {number} */ count) =>
  [...randomBytes(count)].map((byte) => byte % 10).join('')

/**
 * @param {Omit<TokenSet, 'tokenType' | 'accessTokenExpiresAt' | 'accessTokenReceivedAt' | 'claims'>} set
 * @param {Record<string, unknown>} claims
 * @returns {TokenSet}
 */
function tokenSet(set, claims) {
  const times = {
    accessTokenExpiresAt: (NOW + 3600) * 1000,
    accessTokenReceivedAt: NOW * 1000 + 217,
  }
  // As a reader of the token sees them: in its order.
  return { ...set, ...times, tokenType: 'Bearer', claims: JSON.parse(JSON.stringify(claims)) }
}

/** An API with role-based permissions, an organization and a namespaced claim. @param {Signer} signer */
async function auth0(signer) {
  const issuer = 'https://harbour-works.eu.auth0.com/'
  const clientId = letters(24)
  const subject = `auth0|${hex(12)}`
  const header = { typ: 'JWT', kid: letters(16) }
  const areas = [
    'orders',
    'invoices',
    'customers',
    'shipments',
    'reports',
    'warehouses',
    'settings',
  ]
  const permissions = areas.flatMap((area) => [`create:${area}`, `read:${area}`, `update:${area}`])
  const scope = 'openid profile email offline_access read:orders update:orders read:invoices'
  const roles = ['fleet-manager', 'billing-clerk', 'reader']
  const idClaims = {
    'https://harbour-works.example/roles': roles,
    given_name: 'Margarethe',
    family_name: 'Lindqvist',
    nickname: 'margarethe.lindqvist',
    name: 'Margarethe Lindqvist',
    picture: `https://s.gravatar.com/avatar/${hex(16)}?s=480&r=pg&d=https%3A%2F%2Fcdn.auth0.com%2Favatars%2Fml.png`,
    updated_at: '2026-03-14T09:26:53.589Z',
    email: 'margarethe.lindqvist@harbour-works.example',
    email_verified: true,
    iss: issuer,
    aud: clientId,
    sub: subject,
    iat: NOW,
    exp: NOW + 36_000,
    sid: letters(24),
    nonce: letters(32),
    org_id: `org_${letters(12)}`,
    org_name: 'harbour-works',
  }
  const accessToken = await signer.rs256(header, {
    'https://harbour-works.example/roles': roles,
    iss: issuer,
    sub: subject,
    aud: ['https://api.harbour-works.example/', `${issuer}userinfo`],
    iat: NOW,
    exp: NOW + 3600,
    scope,
    org_id: idClaims.org_id,
    azp: clientId,
    permissions,
  })
  const idToken = await signer.rs256(header, idClaims)
  const refreshToken = `v1.${letters(48)}`
  const set = { issuer, clientId, subject, accessToken, idToken, refreshToken, scope }
  return tokenSet({ ...set, accessTokenKind: 'jwt' }, idClaims)
}

/** An access token for Microsoft Graph, with groups. @param {Signer} signer */
async function entra(signer) {
  const [tenant, clientId, oid] = [randomUUID(), randomUUID(), randomUUID()]
  const issuer = `https://login.microsoftonline.com/${tenant}/v2.0`
  const subject = letters(32)
  const header = { typ: 'JWT', kid: signer.thumbprint }
  const groups = Array.from({ length: 8 }, () => randomUUID())
  const scope = 'openid profile email User.Read Mail.Read Calendars.Read Files.Read.All'
  const person = {
    family_name: 'Lindqvist',
    given_name: 'Margarethe',
    name: 'Margarethe Lindqvist',
  }
  const upn = 'margarethe.lindqvist@harbour-works.example'
  const idClaims = {
    aud: clientId,
    iss: issuer,
    iat: NOW,
    nbf: NOW,
    exp: NOW + 3900,
    aio: letters(66),
    groups,
    name: person.name,
    nonce: letters(32),
    oid,
    preferred_username: upn,
    rh: `0.${letters(33)}.`,
    roles: ['Fleet.Manage', 'Invoices.Read'],
    sid: randomUUID(),
    sub: subject,
    tid: tenant,
    uti: letters(16),
    ver: '2.0',
  }
  const accessToken = await signer.rs256(
    { ...header, nonce: letters(32), x5t: signer.thumbprint },
    {
      aud: '00000003-0000-0000-c000-000000000000',
      iss: `https://sts.windows.net/${tenant}/`,
      iat: NOW,
      nbf: NOW,
      exp: NOW + 4500,
      acct: 0,
      acr: '1',
      aio: letters(90),
      amr: ['pwd', 'mfa'],
      app_displayname: 'Harbour Works Portal',
      appid: clientId,
      appidacr: '1',
      ...person,
      idtyp: 'user',
      ipaddr: '203.0.113.77',
      oid,
      platf: '3',
      puid: hex(8).toUpperCase(),
      rh: `0.${letters(33)}.`,
      scp: 'Calendars.Read Files.Read.All Mail.Read User.Read email openid profile',
      sid: idClaims.sid,
      signin_state: ['kmsi'],
      sub: letters(32),
      tenant_region_scope: 'EU',
      tid: tenant,
      unique_name: upn,
      upn,
      uti: letters(16),
      ver: '1.0',
      wids: [randomUUID(), 'b79fbf4d-3ef9-4689-8143-76b194e85509'],
      xms_idrel: '1 24',
      xms_st: { sub: subject },
      xms_tcdt: 1_483_228_800,
    },
  )
  const idToken = await signer.rs256(header, idClaims)
  const refreshToken = `0.${letters(33)}.${letters(700)}`
  const set = { issuer, clientId, subject, accessToken, idToken, refreshToken, scope }
  return tokenSet({ ...set, accessTokenKind: 'opaque' }, idClaims)
}

/** Realm and client roles, and a refresh token that is a JWT. @param {Signer} signer */
async function keycloak(signer) {
  const issuer = 'https://id.harbour-works.example/realms/harbour'
  const clientId = 'harbour-portal'
  const subject = randomUUID()
  const header = { typ: 'JWT', kid: signer.kid }
  const sid = randomUUID()
  const scope = 'openid email profile'
  const person = {
    email_verified: true,
    name: 'Margarethe Lindqvist',
    preferred_username: 'margarethe.lindqvist',
    given_name: 'Margarethe',
    family_name: 'Lindqvist',
    email: 'margarethe.lindqvist@harbour-works.example',
  }
  const idClaims = {
    exp: NOW + 300,
    iat: NOW,
    auth_time: NOW - 2,
    jti: randomUUID(),
    iss: issuer,
    aud: clientId,
    sub: subject,
    typ: 'ID',
    azp: clientId,
    nonce: letters(32),
    sid,
    at_hash: letters(16),
    acr: '1',
    ...person,
  }
  const accessToken = await signer.rs256(header, {
    exp: NOW + 300,
    iat: NOW,
    auth_time: NOW - 2,
    jti: `onrtac:${randomUUID()}`,
    iss: issuer,
    aud: ['orders-api', 'invoices-api', 'account'],
    sub: subject,
    typ: 'Bearer',
    azp: clientId,
    sid,
    acr: '1',
    'allowed-origins': ['https://portal.harbour-works.example'],
    realm_access: {
      roles: ['default-roles-harbour', 'offline_access', 'uma_authorization', 'fleet-manager'],
    },
    resource_access: {
      'orders-api': { roles: ['orders-read', 'orders-write', 'orders-approve'] },
      'invoices-api': { roles: ['invoices-read', 'invoices-export'] },
      account: { roles: ['manage-account', 'manage-account-links', 'view-profile'] },
    },
    scope,
    ...person,
    groups: ['/harbour/fleet', '/harbour/billing'],
  })
  const refreshToken = await signer.hs512(
    { typ: 'JWT', kid: randomUUID() },
    {
      exp: NOW + 1800,
      iat: NOW,
      jti: randomUUID(),
      iss: issuer,
      aud: issuer,
      sub: subject,
      typ: 'Refresh',
      azp: clientId,
      sid,
      scope: `${scope} web-origins roles acr basic`,
    },
  )
  const idToken = await signer.rs256(header, idClaims)
  const set = { issuer, clientId, subject, accessToken, idToken, refreshToken, scope }
  return tokenSet({ ...set, accessTokenKind: 'jwt' }, idClaims)
}

/** An opaque access token as long as Google's are. @param {Signer} signer */
async function google(signer) {
  const issuer = 'https://accounts.google.com'
  const clientId = `${digits(12)}-${hex(16)}.apps.googleusercontent.com`
  const subject = `1${digits(20)}`
  const idClaims = {
    iss: issuer,
    azp: clientId,
    aud: clientId,
    sub: subject,
    hd: 'harbour-works.example',
    email: 'margarethe.lindqvist@harbour-works.example',
    email_verified: true,
    at_hash: letters(16),
    nonce: letters(32),
    name: 'Margarethe Lindqvist',
    picture: `https://lh3.googleusercontent.com/a/ACg8oc${letters(42)}=s96-c`,
    given_name: 'Margarethe',
    family_name: 'Lindqvist',
    iat: NOW,
    exp: NOW + 3600,
  }
  const scope = [
    'openid',
    ...['userinfo.profile', 'userinfo.email', 'calendar.readonly', 'drive.readonly'].map(
      (name) => `https://www.googleapis.com/auth/${name}`,
    ),
  ].join(' ')
  const idToken = await signer.rs256({ kid: hex(20), typ: 'JWT' }, idClaims)
  const accessToken = `ya29.a0${letters(870)}`
  const refreshToken = `1//0${letters(73)}`
  const set = { issuer, clientId, subject, accessToken, idToken, refreshToken, scope }
  return tokenSet({ ...set, accessTokenKind: 'opaque' }, idClaims)
}
