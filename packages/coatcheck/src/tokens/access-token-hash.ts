import { digest } from '#signature'
import { encodeBase64url } from '../core/bytes.ts'
import { ALGORITHMS, type Algorithm } from './algorithm.ts'

/**
 * Whether an ID token's `at_hash` is that of this access token: the left half of its hash.
 *
 * @see OpenID Connect Core, section 3.1.3.6
 */
export async function matchesAccessTokenHash(
  alg: Algorithm,
  accessToken: string,
  expected: string,
): Promise<boolean> {
  const hash = await digest(ALGORITHMS[alg].hash, accessToken)
  return encodeBase64url(hash.subarray(0, hash.length / 2)) === expected
}
