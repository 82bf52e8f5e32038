import type { ErrorCode } from '../core/error-codes.ts'
import { CoatcheckError } from '../core/errors.ts'
import type { JsonObject } from './json.ts'
import type { JwtClaims, TokenKind } from './verified-token.ts'

/** What the claims of a token must say. */
export interface ClaimRules {
  readonly issuer: string
  readonly audiences: readonly string[]
  readonly kind: TokenKind
  readonly clockToleranceSeconds: number
  readonly requiredClaims: readonly string[]
}

/** What one call demands beyond the rules. */
export interface VerifyChecks {
  /** The nonce of the sign-in that this ID token answers. */
  readonly nonce?: string
  /** The access token that came with this ID token: compared with `at_hash`, where it is present. */
  readonly accessToken?: string
  /** The oldest sign-in to accept, by `auth_time`. */
  readonly maxAgeSeconds?: number
  /** Whose client the token must have been issued to, by `azp`, where it is present. */
  readonly authorizedParty?: string
}

// Beyond this a number of seconds is no date: the year 9999.
const MAX_SECONDS = 253_402_300_799

const REQUIRED: Readonly<Record<TokenKind, readonly string[]>> = {
  access_token: ['iss', 'aud', 'exp'],
  id_token: ['iss', 'aud', 'exp', 'sub', 'iat'],
}

const TEXTS = ['iss', 'sub', 'azp', 'nonce', 'at_hash', 'jti'] as const
const DATES = ['exp', 'nbf', 'iat', 'auth_time'] as const

// Claims that only other kinds have: a logout token is no ID token (Back-Channel Logout, 2.4), an ID token
// with at_hash no access token.
const FOREIGN: Readonly<Record<TokenKind, readonly string[]>> = {
  access_token: ['events', 'at_hash', 'c_hash'],
  id_token: ['events'],
}

/**
 * Checks types and presence of the claims. Throws `token_claims_malformed`, `token_claim_missing` or
 * `token_type_refused`; no message holds a value.
 *
 * @see RFC 7519, section 4.1; OpenID Connect Core, section 2
 */
export function readClaims(claims: JsonObject, rules: ClaimRules): JwtClaims {
  for (const name of REQUIRED[rules.kind]) requireClaim(claims, name)
  for (const name of rules.requiredClaims) requireClaim(claims, name)
  for (const name of FOREIGN[rules.kind]) {
    if (Object.hasOwn(claims, name)) throw new CoatcheckError('token_type_refused')
  }
  for (const name of TEXTS) {
    const value = claims[name]
    if (value !== undefined && (typeof value !== 'string' || value === '')) throw malformed(name)
  }
  for (const name of DATES) {
    const value = claims[name]
    const isDate = typeof value === 'number' && value >= 0 && value <= MAX_SECONDS
    if (value !== undefined && !isDate) throw malformed(name)
  }
  const { aud } = claims
  const isList =
    Array.isArray(aud) && aud.length > 0 && aud.every((entry) => typeof entry === 'string')
  if (typeof aud !== 'string' && !isList) throw malformed('aud')
  return claims as JwtClaims
}

/**
 * Checks what does not change with time: issuer, audience, authorized party, nonce. Throws
 * `token_issuer_mismatch`, `token_audience_mismatch` or `token_nonce_mismatch`.
 *
 * @see RFC 8725, sections 3.8 and 3.9; OpenID Connect Core, section 3.1.3.7
 */
export function checkParties(claims: JwtClaims, rules: ClaimRules, checks: VerifyChecks): void {
  if (claims.iss !== rules.issuer) throw new CoatcheckError('token_issuer_mismatch')
  const audiences: readonly string[] = typeof claims.aud === 'string' ? [claims.aud] : claims.aud
  const isMeant = audiences.some((audience) => rules.audiences.includes(audience))
  if (!isMeant) throw new CoatcheckError('token_audience_mismatch')
  const party =
    checks.authorizedParty ?? (rules.kind === 'id_token' ? rules.audiences[0] : undefined)
  if (rules.kind === 'id_token' && audiences.length > 1 && claims.azp === undefined) {
    throw new CoatcheckError('token_audience_mismatch', {
      detail: 'Several audiences, and no azp.',
    })
  }
  if (claims.azp !== undefined && party !== undefined && claims.azp !== party) {
    throw new CoatcheckError('token_audience_mismatch', { detail: 'azp names another client.' })
  }
  if (checks.nonce !== undefined && claims.nonce !== checks.nonce) {
    throw new CoatcheckError('token_nonce_mismatch')
  }
}

/** Checks the times, `nowMs` in milliseconds since 1970. Throws `token_expired` or `token_not_yet_valid`. */
export function checkTimes(claims: JwtClaims, rules: ClaimRules, nowMs: number): void {
  const now = nowMs / 1000
  const tolerance = rules.clockToleranceSeconds
  // Written so that a NaN, whoever brought it, refuses.
  if (!(now < claims.exp + tolerance)) fail('token_expired')
  for (const from of [claims.nbf, claims.iat]) {
    if (from !== undefined && !(now >= from - tolerance)) fail('token_not_yet_valid')
  }
}

/** Checks how long ago the person signed in. Throws `token_claim_missing` or `token_too_old`. */
export function checkAge(
  claims: JwtClaims,
  rules: ClaimRules,
  maxAgeSeconds: number,
  nowMs: number,
): void {
  requireClaim(claims, 'auth_time')
  const { auth_time: at = Number.NaN } = claims
  if (!(nowMs / 1000 <= at + maxAgeSeconds + rules.clockToleranceSeconds)) fail('token_too_old')
}

function requireClaim(claims: JsonObject, name: string): void {
  if (Object.hasOwn(claims, name)) return
  throw new CoatcheckError('token_claim_missing', { detail: `The claim ${name} is missing.` })
}

function fail(code: ErrorCode): never {
  throw new CoatcheckError(code)
}

function malformed(name: string): CoatcheckError {
  return new CoatcheckError('token_claims_malformed', {
    detail: `The claim ${name} is not of its type.`,
  })
}
