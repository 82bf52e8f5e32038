import { decodeSegment } from '#signature'
import { type Bytes, decodeUtf8 } from '../core/bytes.ts'
import { type Clock, systemClock } from '../core/clock.ts'
import { CoatcheckError } from '../core/errors.ts'
import type { Secret } from '../core/secret.ts'
import { matchesAccessTokenHash } from './access-token-hash.ts'
import type { Algorithm } from './algorithm.ts'
import {
  type ClaimRules,
  checkParties,
  checkTimes,
  readClaims,
  type VerifyChecks,
} from './claims.ts'
import { parseJsonObject } from './json.ts'
import type { JsonWebKeySet } from './jwk.ts'
import { DEFAULT_MAX_TOKEN_BYTES, type JwsHeader, type ParsedJws, parseJws } from './jws.ts'
import type { KeySet } from './key-set.ts'
import type { VerificationKey } from './signature.ts'
import { createTokenCache } from './token-cache.ts'
import { mintVerifiedToken, type TokenKind, type VerifiedToken } from './verified-token.ts'
import { prepareKeys } from './verifier-keys.ts'
import { verifyJws } from './verify-jws.ts'

/** Whose tokens are verified, and how. */
export interface VerifierOptions {
  /** The one issuer: compared with `iss`, every character. */
  readonly issuer: string
  /** Whom tokens must be meant for; for ID tokens the client id stands first. */
  readonly audience: string | readonly string[]
  /** The issuer's public keys. Never together with `secret`. */
  readonly jwks?: KeySet | JsonWebKeySet
  /** The secret for HS*: as long as the hash at least. Never together with `jwks`. */
  readonly secret?: Secret<Bytes>
  /** Default: RS256, PS256, ES256, ES384, EdDSA, Ed25519; with a secret HS256. */
  readonly algorithms?: readonly Algorithm[]
  /** Default: `access_token`. */
  readonly kind?: TokenKind
  /** How far clocks may differ. Default: 5. */
  readonly clockToleranceSeconds?: number
  /** Refused unread beyond it. Default: 16384. */
  readonly maxTokenBytes?: number
  /** The oldest sign-in to accept, by `auth_time`. Default: any. */
  readonly maxAgeSeconds?: number
  /** Claims that must be there besides iss, aud and exp. Default: none; for ID tokens sub and iat. */
  readonly requiredClaims?: readonly string[]
  /** Milliseconds since 1970. Default: the machine's clock. */
  readonly clock?: Clock
  /** How many verified tokens are remembered. Default: 1000. */
  readonly cache?: { readonly maxEntries: number } | false
}

/** Verifies tokens of one issuer, audience and kind. */
export interface Verifier {
  readonly issuer: string
  readonly audience: readonly string[]
  readonly kind: TokenKind
  /** Gives back the verified token, or rejects with a `CoatcheckError` whose code (`token_...`, `key_set_...`) says why. */
  verify(jwt: string, checks?: VerifyChecks): Promise<VerifiedToken>
}

/**
 * A verifier: signature first, then every claim that decides.
 *
 * Throws `invalid_configuration` for options that contradict each other.
 *
 * @see RFC 8725; RFC 7519, section 7.2; RFC 9068, section 4; OpenID Connect Core, section 3.1.3.7
 * @example
 * const verifier = createVerifier({
 *   issuer: 'https://idp.example',
 *   audience: 'https://api.example',
 *   jwks: createRemoteKeySet({ issuer: 'https://idp.example' }),
 * })
 */
export function createVerifier(options: VerifierOptions): Verifier {
  const { issuer, kind = 'access_token' } = options
  const audiences =
    typeof options.audience === 'string' ? [options.audience] : [...options.audience]
  const { keySet, algorithms } = prepareKeys(options, audiences)
  const clock = options.clock ?? systemClock
  const maxTokenBytes = options.maxTokenBytes ?? DEFAULT_MAX_TOKEN_BYTES
  const cache = createTokenCache(options.cache === false ? 0 : (options.cache?.maxEntries ?? 1000))
  const rules: ClaimRules = {
    issuer,
    audiences,
    kind,
    clockToleranceSeconds: options.clockToleranceSeconds ?? 5,
    requiredClaims: options.requiredClaims ?? [],
  }

  async function verify(jwt: string, asked: VerifyChecks = {}): Promise<VerifiedToken> {
    const maxAgeSeconds = asked.maxAgeSeconds ?? options.maxAgeSeconds
    const checks = maxAgeSeconds === undefined ? asked : { ...asked, maxAgeSeconds }
    const found = remembered(jwt) ?? verifyNew(jwt)
    const token = found instanceof Promise ? await found : found
    checkParties(token.claims, rules, checks)
    try {
      checkTimes(token.claims, rules, checks, clock())
    } catch (error) {
      cache.drop(jwt)
      throw error
    }
    const { at_hash: hash } = token.claims
    if (checks.accessToken !== undefined && hash !== undefined) {
      const matches = await matchesAccessTokenHash(token.header.alg, checks.accessToken, hash)
      if (!matches) throw new CoatcheckError('token_hash_mismatch')
    }
    return token
  }

  function remembered(jwt: string): VerifiedToken | undefined {
    const cached = cache.get(jwt)
    if (cached === undefined) return undefined
    if (keySet.has(cached.key)) return cached.token
    cache.drop(jwt)
    return undefined
  }

  // Synchronous wherever keys and platform are: a promise for each step would cost more than the parsing.
  function verifyNew(jwt: string): VerifiedToken | Promise<VerifiedToken> {
    const jws = parseJws(jwt, maxTokenBytes)
    checkType(jws.header, kind)
    const key = verifyJws(jws, keySet, algorithms)
    return key instanceof Promise
      ? key.then((late) => accept(jwt, jws, late))
      : accept(jwt, jws, key)
  }

  function accept(jwt: string, jws: ParsedJws, key: VerificationKey): VerifiedToken {
    const claims = readClaims(readPayload(jws), rules)
    const token = mintVerifiedToken(jwt, jws.header, claims, kind)
    // What another issuer signed under the same key is no token of ours, however often it comes.
    if (claims.iss === issuer) cache.put({ token, key })
    return token
  }

  return { issuer, audience: audiences, kind, verify }
}

function readPayload(jws: ParsedJws): ReturnType<typeof parseJsonObject> & object {
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
