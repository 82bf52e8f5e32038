import { mintTokenSet, type TokenSetData, type VerifiedTokenSet } from './verified-token-set.ts'

/**
 * A token set out of an opened seal, where the AEAD stands in for the signatures. For `sessions` and `seal`
 * alone: whoever calls it vouches that the bytes were sealed by this site.
 */
export function restoreVerifiedTokenSet(data: TokenSetData): VerifiedTokenSet {
  return mintTokenSet(data)
}
