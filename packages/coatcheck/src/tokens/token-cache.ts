import type { VerificationKey } from './signature.ts'
import type { VerifiedToken } from './verified-token.ts'

/** A verified token and the key that vouches for it. */
export interface CachedToken {
  readonly token: VerifiedToken
  readonly key: VerificationKey
}

/** Tokens that were verified before. Only what verified gets in, so nobody fills it with garbage. */
export interface TokenCache {
  get(jwt: string): CachedToken | undefined
  put(entry: CachedToken): void
  drop(jwt: string): void
  /** How many are kept. */
  size(): number
}

/**
 * A bounded cache of two generations, half of it each: what was used since the last turn stays, and no
 * look-up moves more than one entry.
 *
 * Entries are found by the whole token, never by a part or a short hash of it: a token that differs in one
 * character is another one.
 */
export function createTokenCache(maxEntries: number): TokenCache {
  const half = Math.max(1, Math.floor(maxEntries / 2))
  let young = new Map<string, CachedToken>()
  let old = new Map<string, CachedToken>()

  function keep(jwt: string, entry: CachedToken): void {
    if (young.size >= half) {
      old = maxEntries < 2 ? new Map() : young
      young = new Map()
    }
    young.set(jwt, entry)
  }

  return {
    get: (jwt) => {
      const entry = young.get(jwt)
      if (entry !== undefined) return entry
      const former = old.get(jwt)
      if (former !== undefined) {
        old.delete(jwt)
        keep(jwt, former)
      }
      return former
    },
    put: (entry) => {
      if (maxEntries >= 1) keep(entry.token.raw, entry)
    },
    drop: (jwt) => {
      young.delete(jwt)
      old.delete(jwt)
    },
    size: () => young.size + old.size,
  }
}
