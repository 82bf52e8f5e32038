import type { VerifiedTokenSet } from '../tokens/verified-token-set.ts'
import type { SessionContents } from './contents.ts'

/** Whether nothing was renewed between two sets of one session. */
export function hasSameTokens(one: VerifiedTokenSet, other: VerifiedTokenSet): boolean {
  return one.accessToken === other.accessToken && one.refreshToken === other.refreshToken
}

/**
 * Whether a cookie with the one says of its tokens what the other does. The mark of a renewal under way counts: left in
 * a cookie it would cost the refresh token.
 */
export function saysSame(one: SessionContents, other: SessionContents): boolean {
  return hasSameTokens(one.tokenSet, other.tokenSet) && one.renewalSentAt === other.renewalSentAt
}
