import { decodeSegment } from '#signature'
import { decodeUtf8 } from '../core/bytes.ts'
import { CoatcheckError } from '../core/errors.ts'
import { andThen, type MaybePromise } from '../core/maybe-promise.ts'
import { matchesAccessTokenHash } from './access-token-hash.ts'
import type { Algorithm } from './algorithm.ts'
import {
  type ClaimRules,
  checkParties,
  checkTimes,
  readClaims,
  type VerifyChecks,
} from './claims.ts'
import { type JsonObject, parseJsonObject } from './json.ts'
import { type JwsHeader, type ParsedJws, parseJws } from './jws.ts'
import type { KeySet } from './key-set.ts'
import type { CachedToken } from './token-cache.ts'
import { mintVerifiedToken, type TokenKind, type VerifiedToken } from './verified-token.ts'
import { verifyJws } from './verify-jws.ts'

/** All that a token is held to. */
export interface TokenRules extends ClaimRules {
  readonly keySet: KeySet
  readonly algorithms: ReadonlySet<Algorithm>
  readonly maxTokenBytes: number
}

/**
 * What of a token never changes: form, kind, signature, types of the claims. Synchronous wherever keys and platform are:
 * a promise for each step would cost more than the parsing. Whom it is for, and when, {@link checkToken} says.
 */
export function verifyToken(jwt: string, rules: TokenRules): MaybePromise<CachedToken> {
  const jws = parseJws(jwt, rules.maxTokenBytes)
  checkType(jws.header, rules.kind)
  return andThen(verifyJws(jws, rules.keySet, rules.algorithms), (key) => {
    const claims = readClaims(readPayload(jws), rules)
    return { token: mintVerifiedToken(jwt, jws.header, claims, rules.kind), key }
  })
}

/** Whom a token is for, whether it is good at this time, and what this call asks beyond that. `nowMs` since 1970. */
export function checkToken(
  token: VerifiedToken,
  rules: ClaimRules,
  checks: VerifyChecks,
  nowMs: number,
): MaybePromise<VerifiedToken> {
  checkParties(token.claims, rules, checks)
  checkTimes(token.claims, rules, checks, nowMs)
  const { at_hash: hash } = token.claims
  if (checks.accessToken === undefined || hash === undefined) return token
  const { alg } = token.header
  return andThen(matchesAccessTokenHash(alg, checks.accessToken, hash), (matches) => {
    if (!matches) throw new CoatcheckError('token_hash_mismatch')
    return token
  })
}

function readPayload(jws: ParsedJws): JsonObject {
  const bytes = decodeSegment(jws.payload)
  const text = bytes === undefined ? undefined : decodeUtf8(bytes)
  const claims = text === undefined ? undefined : parseJsonObject(text)
  if (claims === undefined) throw new CoatcheckError('token_claims_malformed')
  return claims
}

const TYPES: Readonly<Record<TokenKind, ReadonlySet<string>>> = {
  access_token: new Set(['at+jwt', 'application/at+jwt', 'jwt']),
  id_token: new Set(['jwt']),
}

// Media types are compared in any letter case (RFC 7515, 4.1.9).
function checkType({ typ }: JwsHeader, kind: TokenKind): void {
  if (typ !== undefined && !TYPES[kind].has(typ.toLowerCase()))
    throw new CoatcheckError('token_type_refused')
}
