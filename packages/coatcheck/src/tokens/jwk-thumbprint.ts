import { CoatcheckError } from '../core/errors.ts'
import { hashOf } from './dpop-hash.ts'
import type { JsonWebKeyLike } from './jwk.ts'

// What makes a key of each type, in the order in which it is hashed.
const MEMBERS = {
  EC: ['crv', 'kty', 'x', 'y'],
  OKP: ['crv', 'kty', 'x'],
  RSA: ['e', 'kty', 'n'],
} as const

/**
 * The thumbprint of a public key: SHA-256 over the members that make it, as base64url. Access tokens that are
 * bound to a key name it so (`cnf.jkt`).
 *
 * Rejects with `wrong_use` for anything but an EC, OKP or RSA key.
 *
 * @see RFC 7638, section 3; RFC 8037, section 2; RFC 9449, section 6.1
 * @example
 * const jkt = await jwkThumbprint({ kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' })
 */
export async function jwkThumbprint(jwk: JsonWebKeyLike): Promise<string> {
  const { kty } = jwk
  const names = kty === 'EC' || kty === 'OKP' || kty === 'RSA' ? MEMBERS[kty] : []
  if (names.length === 0 || names.some((name) => typeof jwk[name] !== 'string')) {
    throw new CoatcheckError('wrong_use', {
      detail: 'jwkThumbprint takes public keys: EC, OKP, RSA.',
    })
  }
  // A list of names leaves out all others, and gives their order.
  return hashOf(JSON.stringify(jwk, [...names]))
}
