import { hash } from 'node:crypto'
import type { VerifiedTokenSet } from '../tokens/verified-token-set.ts'

/** Which refresh tokens were given up or traded for others in this process. */
export interface SpentTokens {
  add(set: VerifiedTokenSet): void
  /** Whether the refresh token of a set is one of them. */
  has(set: VerifiedTokenSet): boolean
}

const MAX_SPENT = 100_000

/** Remembers hashes, the newest 100,000: no clock has a say in what is spent. */
export function createSpentTokens(maxEntries: number = MAX_SPENT): SpentTokens {
  const spent = new Set<string>()
  // Sets never change, and one that was opened is asked about at each request.
  const hashes = new WeakMap<VerifiedTokenSet, string>()

  function hashOf(set: VerifiedTokenSet): string | undefined {
    const { refreshToken } = set
    if (refreshToken === undefined) return undefined
    const known = hashes.get(set) ?? hash('sha256', refreshToken, 'base64')
    hashes.set(set, known)
    return known
  }

  return {
    add: (set) => {
      const value = hashOf(set)
      if (value === undefined) return
      spent.add(value)
      const oldest = spent.size > maxEntries ? spent.values().next().value : undefined
      if (oldest !== undefined) spent.delete(oldest)
    },
    has: (set) => {
      if (spent.size === 0) return false
      const value = hashOf(set)
      return value !== undefined && spent.has(value)
    },
  }
}
