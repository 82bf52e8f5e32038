import type { Bytes } from '../core/bytes.ts'
import { type Clock, systemClock } from '../core/clock.ts'
import { CoatcheckError } from '../core/errors.ts'
import { andThen } from '../core/maybe-promise.ts'
import type { Secret } from '../core/secret.ts'
import { matchesAccessTokenHash } from './access-token-hash.ts'
import type { Algorithm } from './algorithm.ts'
import { checkAge, type VerifyChecks } from './claims.ts'
import type { JsonWebKeySet } from './jwk.ts'
import { DEFAULT_MAX_TOKEN_BYTES } from './jws.ts'
import type { KeySet } from './key-set.ts'
import { createHeaderReader } from './known-headers.ts'
import { createTokenCache } from './token-cache.ts'
import { checkToken, type FoundToken, type TokenRules, verifyToken } from './verification.ts'
import { mintVerifiedToken, type TokenKind, type VerifiedToken } from './verified-token.ts'
import { prepareKeys } from './verifier-keys.ts'

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
  const cache = createTokenCache(options.cache === false ? 0 : (options.cache?.maxEntries ?? 1000))
  const rules: TokenRules = {
    ...{ issuer, audiences, kind, keySet, algorithms, readHeader: createHeaderReader() },
    maxTokenBytes: options.maxTokenBytes ?? DEFAULT_MAX_TOKEN_BYTES,
    clockToleranceSeconds: options.clockToleranceSeconds ?? 5,
    requiredClaims: options.requiredClaims ?? [],
  }

  async function verify(jwt: string, checks: VerifyChecks = {}): Promise<VerifiedToken> {
    const found = remembered(jwt) ?? andThen(verifyToken(jwt, rules), accept)
    const token = found instanceof Promise ? await found : found
    const { claims, header } = token
    const now = clock()
    if (claims.exp + rules.clockToleranceSeconds <= now / 1000) cache.drop(jwt)
    checkToken(token, rules, checks, now)
    const maxAgeSeconds = checks.maxAgeSeconds ?? options.maxAgeSeconds
    if (maxAgeSeconds !== undefined) checkAge(claims, rules, maxAgeSeconds, now)
    const { accessToken } = checks
    if (accessToken !== undefined && claims.at_hash !== undefined) {
      const isOf = await matchesAccessTokenHash(header.alg, accessToken, claims.at_hash)
      if (!isOf) throw new CoatcheckError('token_hash_mismatch')
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

  function accept({ token: found, key }: FoundToken): VerifiedToken {
    const token = mintVerifiedToken(found)
    // What another issuer signed under the same key is no token of ours, however often it comes.
    if (token.claims.iss === issuer) cache.put({ token, key })
    return token
  }

  return { issuer, audience: audiences, kind, verify }
}
