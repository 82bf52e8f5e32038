import { CoatcheckError } from '../core/errors.ts'
import { present } from '../core/present.ts'
import { matchesAccessTokenHash } from './access-token-hash.ts'
import type { CheckedToken } from './verified-token.ts'

/** An access token that is no JWT for us, and why it is believed. */
export interface OpaqueAccessToken {
  readonly opaque: string
  /** It came in one TLS answer with an ID token that verifies (or renews such a set), was introspected, or came from a server's own confidential token call. */
  readonly trustedBy: 'id_token' | 'introspection' | 'confidential_token_call'
}

/** Tokens that came together, each verified by itself. */
export interface TokenParts {
  readonly clientId: string
  readonly accessToken: CheckedToken | OpaqueAccessToken
  readonly idToken?: CheckedToken
  /**
   * Whether the ID token came with this access token, or with an earlier one of the same sign-in: only in the first
   * case can its `at_hash` be that of this access token. Default: `same_answer`.
   */
  readonly idTokenFrom?: 'same_answer' | 'earlier_answer'
  /** What these renew: subject and claims stay. */
  readonly previous?: FormerParts
  /** Milliseconds since 1970. Never later than the access token's `exp`. Default: that, else none. */
  readonly accessTokenExpiresAt?: number
}

/** What is compared with the successors of tokens. */
export interface FormerParts {
  readonly issuer: string
  readonly clientId: string
  readonly subject: string
  readonly idToken?: string
  readonly claims: Readonly<Record<string, unknown>>
}

/** What the parts say together. */
export interface CheckedParts extends FormerParts {
  readonly accessToken: string
  readonly accessTokenKind: 'jwt' | 'opaque'
  readonly accessTokenExpiresAt?: number
}

/**
 * Whether tokens belong together: of one issuer, one person, one client, and one sign-in with those that they renew.
 *
 * Throws `token_unverified` for a part of another kind or that nothing vouches for, `token_subject_mismatch`,
 * `token_issuer_mismatch`, `token_audience_mismatch`, `token_nonce_mismatch` and `token_hash_mismatch` for parts of
 * different origins. That each was verified, the caller knows.
 *
 * @see OpenID Connect Core, sections 3.1.3.7, 3.1.3.8 and 12.2
 */
export async function checkTokenParts(parts: TokenParts): Promise<CheckedParts> {
  const { clientId, accessToken, idToken, previous } = parts
  const jwt = 'opaque' in accessToken ? undefined : accessToken
  const opaque = 'opaque' in accessToken ? accessToken : undefined
  if (
    (idToken !== undefined && idToken.kind !== 'id_token') ||
    (jwt !== undefined && jwt.kind !== 'access_token') ||
    (opaque?.trustedBy === 'id_token' && idToken === undefined && previous === undefined)
  ) {
    throw new CoatcheckError('token_unverified')
  }
  const raw = jwt?.raw ?? opaque?.opaque ?? ''
  if (idToken !== undefined) {
    checkIdTokenParties(idToken, clientId)
    if (parts.idTokenFrom !== 'earlier_answer') await checkAccessTokenHash(idToken, raw)
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
  const ends = [parts.accessTokenExpiresAt, jwt && jwt.claims.exp * 1000]
  const known = ends.filter((end) => end !== undefined)
  return {
    ...{ issuer, clientId, subject },
    accessToken: raw,
    accessTokenKind: jwt === undefined ? 'opaque' : 'jwt',
    claims: idToken?.claims ?? previous?.claims ?? jwt?.claims ?? {},
    ...present({
      accessTokenExpiresAt: known.length === 0 ? undefined : Math.min(...known),
      idToken: idToken?.raw ?? previous?.idToken,
    }),
  }
}

function checkIdTokenParties(idToken: CheckedToken, clientId: string): void {
  const { aud, azp } = idToken.claims
  const isMeant = typeof aud === 'string' ? aud === clientId : aud.includes(clientId)
  if (!isMeant || (azp !== undefined && azp !== clientId)) {
    throw new CoatcheckError('token_audience_mismatch')
  }
}

async function checkAccessTokenHash(idToken: CheckedToken, accessToken: string): Promise<void> {
  const { at_hash: hash } = idToken.claims
  if (hash === undefined) return
  if (!(await matchesAccessTokenHash(idToken.header.alg, accessToken, hash))) {
    throw new CoatcheckError('token_hash_mismatch')
  }
}

// What a renewal must leave as it was; issuer and subject are compared with the rest of the set.
function checkSuccession(
  previous: FormerParts,
  clientId: string,
  idToken: CheckedToken | undefined,
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
