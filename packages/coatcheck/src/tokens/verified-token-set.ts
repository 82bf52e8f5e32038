import { CoatcheckError } from '../core/errors.ts'
import { matchesAccessTokenHash } from './access-token-hash.ts'
import {
  addReadLater,
  type ClaimsSource,
  isMarked,
  type LaterOf,
  markedClaimsSource,
  markTokenSet,
  type ReadLater,
  type SetClaims,
  type TokensOfSet,
} from './token-set-mark.ts'
import { deepFreeze, isVerifiedToken, type VerifiedToken } from './verified-token.ts'

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

/** The data of a set that a seal vouches for: tokens may be written out, claims and subject read, when they are asked for. */
export interface RestorableTokenSet
  extends Omit<TokenSetData, keyof TokensOfSet | keyof ReadLater>,
    TokensOfSet {
  readonly claims: LaterOf<SetClaims>
  /** Absent: it is the claims' `sub`. */
  readonly subject?: string
}

/** An access token that is no JWT for us, and why it is believed. */
export interface OpaqueAccessToken {
  readonly opaque: string
  /** It came in one TLS answer with an ID token that verifies (or renews such a set), was introspected, or came from a server's own confidential token call. */
  readonly trustedBy: 'id_token' | 'introspection' | 'confidential_token_call'
}

/** What a token set is made of. */
export interface VerifiedTokenSetInput {
  readonly clientId: string
  readonly accessToken: VerifiedToken | OpaqueAccessToken
  readonly idToken?: VerifiedToken
  /**
   * Whether the ID token came with this access token, or with an earlier one of the same sign-in: only in the first
   * case can its `at_hash` be that of this access token. Default: `same_answer`.
   */
  readonly idTokenFrom?: 'same_answer' | 'earlier_answer'
  /** The set that this one renews: subject and claims stay. */
  readonly previous?: VerifiedTokenSet
  /** Default: `Bearer`. */
  readonly tokenType?: 'Bearer' | 'DPoP'
  /** Milliseconds since 1970. Never later than the access token's `exp`. Default: that, else none. */
  readonly accessTokenExpiresAt?: number
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
  const { clientId, accessToken, idToken, previous } = input
  if (idToken !== undefined && !(isVerifiedToken(idToken) && idToken.kind === 'id_token'))
    throw unverified()
  if (previous !== undefined && !isVerifiedTokenSet(previous)) throw unverified()
  const jwt = 'opaque' in accessToken ? undefined : accessToken
  if (jwt !== undefined && !(isVerifiedToken(jwt) && jwt.kind === 'access_token'))
    throw unverified()
  const opaque = 'opaque' in accessToken ? accessToken : undefined
  if (opaque?.trustedBy === 'id_token' && idToken === undefined && previous === undefined)
    throw unverified()
  if (idToken !== undefined) {
    checkIdTokenParties(idToken, clientId)
    if (input.idTokenFrom !== 'earlier_answer')
      await checkAccessTokenHash(idToken, jwt?.raw ?? opaque?.opaque ?? '')
  }
  if (previous !== undefined) checkSuccession(previous, clientId, idToken)
  const issuer = same('token_issuer_mismatch', idToken?.issuer, jwt?.issuer, previous?.issuer)
  const subject = same(
    'token_subject_mismatch',
    idToken?.claims.sub,
    jwt?.claims.sub,
    previous?.subject,
  )
  const client = jwt?.claims.client_id ?? jwt?.claims.azp
  if (client !== undefined && client !== clientId)
    throw new CoatcheckError('token_audience_mismatch')
  // Providers round `exp` to the second below: of two ends the earlier one is right.
  const ends = [input.accessTokenExpiresAt, jwt && jwt.claims.exp * 1000]
  const known = ends.filter((end) => end !== undefined)
  const expiresAt = known.length === 0 ? undefined : Math.min(...known)
  const idTokenRaw = idToken?.raw ?? previous?.idToken
  return mintTokenSet({
    issuer,
    clientId,
    subject,
    accessToken: jwt?.raw ?? opaque?.opaque ?? '',
    tokenType: input.tokenType ?? 'Bearer',
    accessTokenKind: jwt === undefined ? 'opaque' : 'jwt',
    claims: idToken?.claims ?? previous?.claims ?? jwt?.claims ?? {},
    ...(expiresAt === undefined ? {} : { accessTokenExpiresAt: expiresAt }),
    ...(input.accessTokenReceivedAt === undefined
      ? {}
      : { accessTokenReceivedAt: input.accessTokenReceivedAt }),
    ...(input.refreshToken === undefined ? {} : { refreshToken: input.refreshToken }),
    ...(idTokenRaw === undefined ? {} : { idToken: idTokenRaw }),
    ...(input.scope === undefined ? {} : { scope: input.scope }),
  })
}

/** Whether a value is a token set that was made here. */
export function isVerifiedTokenSet(value: unknown): value is VerifiedTokenSet {
  return typeof value === 'object' && value !== null && isMarked(value)
}

/** A token set's data, tokens included: for seals alone. Throws `token_unverified` for a look-alike. */
export function tokenSetData(set: VerifiedTokenSet): TokenSetData {
  if (!isVerifiedTokenSet(set)) throw unverified()
  const { accessToken, refreshToken, idToken } = set
  return {
    ...set,
    accessToken,
    ...(refreshToken === undefined ? {} : { refreshToken }),
    ...(idToken === undefined ? {} : { idToken }),
  }
}

/** Whose payload the claims of a set are, if that was known when it came out of its seal. */
export function claimsSourceOf(set: VerifiedTokenSet): ClaimsSource | undefined {
  return isVerifiedTokenSet(set) ? markedClaimsSource(set) : undefined
}

/** The same set without its refresh token: when that may be spent. */
export function withoutRefreshToken(set: VerifiedTokenSet): VerifiedTokenSet {
  const { refreshToken: _, ...data } = tokenSetData(set)
  return mintTokenSet(data)
}

/** Makes a token set of data that was checked, or that a seal vouches for. */
export function mintTokenSet(data: RestorableTokenSet): VerifiedTokenSet {
  const set: { -readonly [Name in keyof TokenSetData]?: TokenSetData[Name] } = {
    issuer: data.issuer,
    clientId: data.clientId,
    tokenType: data.tokenType,
    accessTokenKind: data.accessTokenKind,
  }
  const { accessTokenExpiresAt, accessTokenReceivedAt, scope } = data
  if (accessTokenExpiresAt !== undefined) set.accessTokenExpiresAt = accessTokenExpiresAt
  if (accessTokenReceivedAt !== undefined) set.accessTokenReceivedAt = accessTokenReceivedAt
  if (scope !== undefined) set.scope = scope
  const { claims, subject } = data
  markTokenSet(set, data)
  if (typeof claims === 'function') {
    addReadLater(set, { claims: () => deepFreeze(claims()), subject })
  } else {
    if (subject === undefined) throw unverified()
    set.subject = subject
    set.claims = deepFreeze(claims)
  }
  return Object.freeze(set) as VerifiedTokenSet
}

function checkIdTokenParties(idToken: VerifiedToken, clientId: string): void {
  const { aud, azp } = idToken.claims
  const isMeant = typeof aud === 'string' ? aud === clientId : aud.includes(clientId)
  if (!isMeant || (azp !== undefined && azp !== clientId)) {
    throw new CoatcheckError('token_audience_mismatch')
  }
}

async function checkAccessTokenHash(idToken: VerifiedToken, accessToken: string): Promise<void> {
  const { at_hash: hash } = idToken.claims
  if (hash === undefined) return
  if (!(await matchesAccessTokenHash(idToken.header.alg, accessToken, hash))) {
    throw new CoatcheckError('token_hash_mismatch')
  }
}

// What a renewal must leave as it was; issuer and subject are compared with the rest of the set.
function checkSuccession(
  previous: VerifiedTokenSet,
  clientId: string,
  idToken: VerifiedToken | undefined,
): void {
  if (previous.clientId !== clientId) throw new CoatcheckError('token_audience_mismatch')
  if (idToken === undefined || previous.idToken === undefined) return
  const { aud, azp, nonce } = idToken.claims
  if (audienceKey(aud) !== audienceKey(previous.claims.aud) || azp !== previous.claims.azp) {
    throw new CoatcheckError('token_audience_mismatch')
  }
  if (nonce !== undefined && nonce !== previous.claims.nonce) {
    throw new CoatcheckError('token_nonce_mismatch')
  }
}

function audienceKey(aud: unknown): string {
  return JSON.stringify(Array.isArray(aud) ? [...new Set(aud)].sort() : [aud])
}

function same(
  code: 'token_issuer_mismatch' | 'token_subject_mismatch',
  ...values: readonly (string | undefined)[]
): string {
  const present = values.filter((value) => value !== undefined)
  const [first] = present
  if (first === undefined || present.some((value) => value !== first))
    throw new CoatcheckError(code)
  return first
}

function unverified(): CoatcheckError {
  return new CoatcheckError('token_unverified')
}
