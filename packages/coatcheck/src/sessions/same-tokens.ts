import type { VerifiedTokenSet } from '../tokens/verified-token-set.ts'

/** Whether nothing was renewed between two sets of one session. */
export function hasSameTokens(one: VerifiedTokenSet, other: VerifiedTokenSet): boolean {
  return one.accessToken === other.accessToken && one.refreshToken === other.refreshToken
}
