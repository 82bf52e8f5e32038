import { importPublicKey } from '#signature'
import { CoatcheckError } from '../core/errors.ts'
import { fitsAlgorithm, type JsonWebKeyLike, type JsonWebKeySet } from './jwk.ts'
import type { JwsHeader } from './jws.ts'
import type { VerificationKey } from './signature.ts'

/** The keys of an issuer. */
export interface KeySet {
  /** The keys that can have signed under this header, few and perhaps none. Rejects with `key_set_unavailable`. */
  find(header: JwsHeader): readonly VerificationKey[] | Promise<readonly VerificationKey[]>
  /** Whether a key is still in the set: what was verified with a withdrawn one is not kept. */
  has(key: VerificationKey): boolean
}

const MAX_KEYS = 100
const MAX_CANDIDATES = 4

/**
 * A key set that never changes. Throws `key_set_invalid` when no key in it can verify a signature.
 *
 * @see RFC 7517, section 5
 * @example
 * const keys = createLocalKeySet({ keys: [] })
 */
export function createLocalKeySet(jwks: JsonWebKeySet): KeySet {
  const keys = importKeys(jwks)
  if (keys.length === 0) throw new CoatcheckError('key_set_invalid')
  return { find: (header) => candidates(keys, header), has: (key) => keys.includes(key) }
}

/** Imports a set: what cannot verify a signature is passed over. Throws `key_set_invalid`. */
export function importKeys(
  jwks: unknown,
  importKey: typeof importPublicKey = importPublicKey,
): readonly VerificationKey[] {
  const list = (jwks as JsonWebKeySet | null)?.keys
  if (!Array.isArray(list) || list.length > MAX_KEYS) throw new CoatcheckError('key_set_invalid')
  return list.flatMap((jwk: unknown) =>
    typeof jwk === 'object' && jwk !== null ? (importKey(jwk as JsonWebKeyLike) ?? []) : [],
  )
}

/** The keys that fit a header: by `kid` if it has one, always by type, curve and the key's own algorithm. */
export function candidates(
  keys: readonly VerificationKey[],
  { alg, kid }: JwsHeader,
): readonly VerificationKey[] {
  const found = keys.filter(({ jwk }) => {
    return fitsAlgorithm(jwk, alg) && (kid === undefined || jwk.kid === kid)
  })
  return found.length > MAX_CANDIDATES ? found.slice(0, MAX_CANDIDATES) : found
}
