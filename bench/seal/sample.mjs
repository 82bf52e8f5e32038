// @ts-check
// The token set that is sealed, what is asked of it when it is opened, and whether all of it is there again.
import { randomBytes } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { restoreVerifiedTokenSet } from '../../packages/coatcheck/dist/tokens/restore-verified.js'

/** @typedef {{ title: string, bytes: number, seal: () => unknown, open: () => unknown, check: () => Promise<void> }} Contender */

/** @typedef {ReturnType<typeof sampleTokens>} Tokens */

/**
 * What a call to an API asks of a set: the header that it sends.
 * @template {{ accessToken: string, claims: object }} Set
 * @param {Set} set
 */
export function tokenOf(set) {
  const authorization = `Bearer ${set.accessToken}`
  // A character makes one piece of the parts, as sending it does.
  return authorization.charCodeAt(authorization.length - 1) > 0 ? set : undefined
}

/**
 * And what a page asks: who it is.
 * @template {{ accessToken: string, claims: object }} Set
 * @param {Set} set
 */
export function tokenAndClaimsOf(set) {
  return set.claims === undefined ? undefined : tokenOf(set)
}

// What a common provider answers: two RS256 tokens, an opaque refresh token.
export function sampleTokens() {
  const part = (/** @type {unknown} */ value) =>
    Buffer.from(JSON.stringify(value)).toString('base64url')
  const jwt = (/** @type {Record<string, unknown>} */ claims) =>
    `${part({ alg: 'RS256', typ: 'JWT', kid: 'b2f8c1d0-1f2e-4c55' })}.${part(claims)}.${randomBytes(256).toString('base64url')}`
  const claims = {
    iss: 'https://idp.example/realms/main',
    sub: '7c9e6679-7425-40de-944b-e07fc1f90ae7',
    aud: 'app',
    exp: 1_800_000_300,
    iat: 1_800_000_000,
    auth_time: 1_799_999_990,
    nonce: randomBytes(32).toString('base64url'),
    sid: randomBytes(16).toString('hex'),
    name: 'Ada Lovelace',
    given_name: 'Ada',
    family_name: 'Lovelace',
    preferred_username: 'ada',
    email: 'ada@app.example',
    email_verified: true,
    locale: 'en',
  }
  const roles = Array.from({ length: 24 }, (_, index) => `app:orders:role-${index}`)
  return {
    issuer: claims.iss,
    clientId: 'app',
    subject: claims.sub,
    accessToken: jwt({ ...claims, scope: 'openid profile email', roles }),
    refreshToken: randomBytes(48).toString('base64url'),
    idToken: jwt(claims),
    accessTokenExpiresAt: 1_800_000_300_000,
    accessTokenReceivedAt: 1_800_000_000_000,
    tokenType: /** @type {'Bearer'} */ ('Bearer'),
    accessTokenKind: /** @type {'jwt'} */ ('jwt'),
    scope: 'openid profile email',
    claims,
  }
}

/** @param {Tokens} tokens */
export function contentsOf(tokens) {
  return {
    tokenSet: restoreVerifiedTokenSet(tokens),
    createdAt: 1_800_000_000_000,
    absoluteEndsAt: 1_800_043_200_000,
    subjectKey: 'zT9Hk3lq0oQbWkZ2f1Uq6b0mY5m8Wc1d2e3f4g5h6i7',
  }
}

/**
 * All of it is there again, whichever part the measurement asks for.
 * @param {Partial<Tokens> | import('../../packages/coatcheck/dist/tokens/verified-token-set.js').VerifiedTokenSet | undefined} opened
 * @param {Tokens} tokens
 */
export function expectTokens(opened, tokens) {
  for (const [name, value] of Object.entries(tokens)) {
    if (isDeepStrictEqual(opened?.[/** @type {keyof Tokens} */ (name)], value)) continue
    throw new Error(`what was opened is not what was sealed: ${name}`)
  }
}

/**
 * The contents of a session's cookie.
 * @param {Tokens} tokens
 */
export function cookieContentsOf(tokens) {
  const { tokenSet, createdAt, absoluteEndsAt } = contentsOf(tokens)
  const id = randomBytes(16).toString('base64url')
  return { id, tokenSet, createdAt, absoluteEndsAt, sealedAt: createdAt }
}
