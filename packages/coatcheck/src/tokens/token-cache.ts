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
}

/** A bounded cache: the one put in first goes first. */
export function createTokenCache(maxEntries: number): TokenCache {
  const entries = new Map<string, CachedToken>()
  return {
    get: (jwt) => entries.get(jwt),
    drop: (jwt) => {
      entries.delete(jwt)
    },
    put: (entry) => {
      if (maxEntries < 1) return
      entries.set(entry.token.raw, entry)
      if (entries.size <= maxEntries) return
      const oldest = entries.keys().next().value
      if (oldest !== undefined) entries.delete(oldest)
    },
  }
}
