import { type Bytes, decodeBase64url, encodeBase64url } from '../core/bytes.ts'
import type { RandomSource } from '../core/random.ts'
import { constantTimeEqual } from '../ring/constant-time.ts'
import type { KeyRing, RingKey } from '../ring/key-ring.ts'

/** Tokens that prove that somebody of ours wrote an address or a form, for one session and one purpose. */
export interface BoundTokens {
  /** A new one each time, so that no compressor finds it twice. */
  make(...parts: readonly string[]): string
  /** Whether this was made here for exactly these parts, under any key of the ring. */
  check(token: string, ...parts: readonly string[]): boolean
  /** What tells a token from all others. */
  readonly idOf: (token: string) => string
}

const RANDOM_BYTES = 16
const KEY_ID_BYTES = 6
const MAC_BYTES = 32
const LENGTH = 72

/**
 * Random bytes (16), key id (6), HMAC-SHA256 (32) over site, purpose, random bytes and parts; base64url.
 *
 * @see OWASP CSRF Prevention Cheat Sheet, "Signed Double-Submit Cookie"
 */
export function createBoundTokens(
  ring: KeyRing,
  place: { readonly site: string; readonly purpose: string },
  random: RandomSource,
): BoundTokens {
  const macOf = (key: RingKey, salt: Bytes, parts: readonly string[]): Bytes =>
    key.mac('form', place.site, place.purpose, salt, ...parts)

  return {
    make: (...parts) => {
      const key = ring.current
      const salt = random(RANDOM_BYTES)
      const bytes = Buffer.concat([
        salt,
        decodeBase64url(key.id) ?? new Uint8Array(KEY_ID_BYTES),
        macOf(key, salt, parts),
      ])
      return encodeBase64url(new Uint8Array(bytes))
    },
    check: (token, ...parts) => {
      const bytes = token.length === LENGTH ? decodeBase64url(token) : undefined
      if (bytes?.length !== RANDOM_BYTES + KEY_ID_BYTES + MAC_BYTES) return false
      const salt = bytes.slice(0, RANDOM_BYTES)
      const keyId = encodeBase64url(bytes.slice(RANDOM_BYTES, RANDOM_BYTES + KEY_ID_BYTES))
      const key = ring.key(keyId)
      if (key === undefined) return false
      return constantTimeEqual(bytes.slice(-MAC_BYTES), macOf(key, salt, parts))
    },
    idOf: (token) => token.slice(0, 22),
  }
}
