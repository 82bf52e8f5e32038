import { CoatcheckError } from '../core/errors.ts'
import { andThen, type MaybePromise } from '../core/maybe-promise.ts'
import type { Algorithm } from './algorithm.ts'
import {
  type ClaimRules,
  checkParties,
  checkTimes,
  readClaims,
  type VerifyChecks,
} from './claims.ts'
import { deepFreeze } from './deep-freeze.ts'
import { type JwsHeader, parseJws, parseSegment } from './jws.ts'
import type { KeySet } from './key-set.ts'
import type { VerificationKey } from './signature.ts'
import type { CheckedToken, TokenKind } from './verified-token.ts'
import { verifyJws } from './verify-jws.ts'

/** All that a token is held to. */
export interface TokenRules extends ClaimRules {
  readonly keySet: KeySet
  readonly algorithms: ReadonlySet<Algorithm>
  readonly maxTokenBytes: number
  /** Default: parses each. */
  readonly readHeader?: (segment: string) => JwsHeader
}

/** A token, and the key that signed it. */
export interface FoundToken {
  readonly token: CheckedToken
  readonly key: VerificationKey
}

/**
 * What of a token never changes: form, kind, signature, types of the claims. Synchronous wherever keys and platform are:
 * a promise for each step would cost more than the parsing. Whom it is for, and when, {@link checkToken} says.
 */
export function verifyToken(jwt: string, rules: TokenRules): MaybePromise<FoundToken> {
  const jws = parseJws(jwt, rules.maxTokenBytes, rules.readHeader)
  checkType(jws.header, rules.kind)
  return andThen(verifyJws(jws, rules.keySet, rules.algorithms), (key) => {
    const payload = parseSegment(jws.payload)
    if (payload === undefined) throw new CoatcheckError('token_claims_malformed')
    const claims = deepFreeze(readClaims(payload, rules))
    const { header } = jws
    return { token: { raw: jwt, header, claims, issuer: claims.iss, kind: rules.kind }, key }
  })
}

/** Whom a token is for, and whether it is good at this time: `nowMs` since 1970. */
export function checkToken(
  { claims }: CheckedToken,
  rules: ClaimRules,
  checks: VerifyChecks,
  nowMs: number,
): void {
  checkParties(claims, rules, checks)
  checkTimes(claims, rules, nowMs)
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
