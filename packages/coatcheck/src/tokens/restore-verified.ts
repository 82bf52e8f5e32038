import type { RestorableTokenSet } from './token-set-object.ts'
import { mintTokenSet, type VerifiedTokenSet } from './verified-token-set.ts'

/**
 * A token set out of an opened seal, where the AEAD stands in for the signatures. For `sessions` and `seal`
 * alone: whoever calls it vouches that the bytes were sealed by this site. Tokens may come as functions, each of which
 * is called at most once, when its token is first asked for.
 */
export function restoreVerifiedTokenSet(data: RestorableTokenSet): VerifiedTokenSet {
  return mintTokenSet(data)
}
