import { CoatcheckError } from '../core/errors.ts'
import { present } from '../core/present.ts'
import { checkTokenParts, type OpaqueAccessToken, type TokenParts } from './token-parts.ts'
import {
  type ClaimsSource,
  isTokenSet,
  knownClaimsSource,
  makeTokenSet,
  type RestorableTokenSet,
} from './token-set-object.ts'
import { isVerifiedToken, type VerifiedToken } from './verified-token.ts'

declare const brand: unique symbol

/** Tokens that were checked together. Prints and serializes without them. */
export interface VerifiedTokenSet {
  readonly issuer: string
  readonly clientId: string
  readonly subject: string
  readonly accessToken: string
  readonly tokenType: 'Bearer' | 'DPoP'
  readonly accessTokenKind: 'jwt' | 'opaque'
  /** Milliseconds since 1970; absent when the provider gave no lifetime. */
  readonly accessTokenExpiresAt?: number
  /** When it was received; milliseconds since 1970. */
  readonly accessTokenReceivedAt?: number
  readonly refreshToken?: string
  readonly idToken?: string
  readonly scope?: string
  /** The claims of the ID token; without one, those of the access token. */
  readonly claims: Readonly<Record<string, unknown>>
  readonly [brand]: 'VerifiedTokenSet'
}

/** A token set as plain data: for seals alone. */
export type TokenSetData = Omit<VerifiedTokenSet, typeof brand>

/** What a token set is made of. */
export interface VerifiedTokenSetInput
  extends Omit<TokenParts, 'previous' | 'accessToken' | 'idToken'> {
  readonly accessToken: VerifiedToken | OpaqueAccessToken
  readonly idToken?: VerifiedToken
  /** The set that this one renews: subject and claims stay. */
  readonly previous?: VerifiedTokenSet
  /** Default: `Bearer`. */
  readonly tokenType?: 'Bearer' | 'DPoP'
  /** Milliseconds since 1970. */
  readonly accessTokenReceivedAt?: number
  readonly refreshToken?: string
  readonly scope?: string
}

/**
 * The one way to a token set: its parts were verified, and belong together.
 *
 * Throws `token_unverified` for a part that no verifier returned, `token_subject_mismatch`,
 * `token_issuer_mismatch`, `token_audience_mismatch`, `token_nonce_mismatch` and `token_hash_mismatch` for
 * parts of different origins.
 *
 * @see OpenID Connect Core, sections 3.1.3.7, 3.1.3.8 and 12.2
 */
export async function createVerifiedTokenSet(
  input: VerifiedTokenSetInput,
): Promise<VerifiedTokenSet> {
  const { accessToken, idToken, previous } = input
  if (
    (previous !== undefined && !isVerifiedTokenSet(previous)) ||
    (idToken !== undefined && !isVerifiedToken(idToken)) ||
    !('opaque' in accessToken || isVerifiedToken(accessToken))
  ) {
    throw unverified()
  }
  const { accessTokenReceivedAt, refreshToken, scope } = input
  return mintTokenSet({
    // As they were looked at: an input could read otherwise the next time.
    ...(await checkTokenParts({ ...input, accessToken, ...present({ idToken, previous }) })),
    tokenType: input.tokenType ?? 'Bearer',
    ...present({ accessTokenReceivedAt, refreshToken, scope }),
  })
}

/** Whether a value is a token set that was made here. */
export function isVerifiedTokenSet(value: unknown): value is VerifiedTokenSet {
  return isTokenSet(value)
}

/** A token set's data, tokens included: for seals alone. Throws `token_unverified` for a look-alike. */
export function tokenSetData(set: VerifiedTokenSet): TokenSetData {
  if (!isVerifiedTokenSet(set)) throw unverified()
  const { issuer, clientId, subject, accessToken, tokenType, accessTokenKind, claims } = set
  const { accessTokenExpiresAt, accessTokenReceivedAt, refreshToken, idToken, scope } = set
  return {
    ...{ issuer, clientId, subject, accessToken, tokenType, accessTokenKind, claims },
    ...present({ accessTokenExpiresAt, accessTokenReceivedAt, refreshToken, idToken, scope }),
  }
}

/** Whose payload the claims of a set are, if that was known when it came out of its seal. */
export function claimsSourceOf(set: VerifiedTokenSet): ClaimsSource | undefined {
  return isVerifiedTokenSet(set) ? knownClaimsSource(set) : undefined
}

/** The same set without its refresh token: when that may be spent. */
export function withoutRefreshToken(set: VerifiedTokenSet): VerifiedTokenSet {
  const { refreshToken: _, ...data } = tokenSetData(set)
  return mintTokenSet(data)
}

/** Makes a token set of data that was checked, or that a seal vouches for. */
export function mintTokenSet(data: RestorableTokenSet): VerifiedTokenSet {
  const { claims, subject } = data
  if (subject === undefined && typeof claims !== 'function') throw unverified()
  return makeTokenSet(data) as VerifiedTokenSet
}

function unverified(): CoatcheckError {
  return new CoatcheckError('token_unverified')
}
