/** The signature algorithms of RFC 7518 and RFC 8037 (and RFC 9864's `Ed25519`) that can be verified. */
export type Algorithm = AsymmetricAlgorithm | 'HS256' | 'HS384' | 'HS512'

/** Those with a public key. */
export type AsymmetricAlgorithm =
  | 'RS256'
  | 'RS384'
  | 'RS512'
  | 'PS256'
  | 'PS384'
  | 'PS512'
  | 'ES256'
  | 'ES384'
  | 'ES512'
  | 'EdDSA'
  | 'Ed25519'

/** What an algorithm needs to know. */
export interface AlgorithmTraits {
  readonly kty: 'RSA' | 'EC' | 'OKP' | 'oct'
  readonly hash: 'sha256' | 'sha384' | 'sha512'
  readonly crv?: string
  /** Length of the signature; RSA's is that of its modulus. */
  readonly signatureBytes?: number
}

/** @see RFC 7518, section 3.1; RFC 8037, section 3.1; RFC 9864, section 2.2 */
export const ALGORITHMS: Readonly<Record<Algorithm, AlgorithmTraits>> = {
  RS256: { kty: 'RSA', hash: 'sha256' },
  RS384: { kty: 'RSA', hash: 'sha384' },
  RS512: { kty: 'RSA', hash: 'sha512' },
  PS256: { kty: 'RSA', hash: 'sha256' },
  PS384: { kty: 'RSA', hash: 'sha384' },
  PS512: { kty: 'RSA', hash: 'sha512' },
  ES256: { kty: 'EC', hash: 'sha256', crv: 'P-256', signatureBytes: 64 },
  ES384: { kty: 'EC', hash: 'sha384', crv: 'P-384', signatureBytes: 96 },
  ES512: { kty: 'EC', hash: 'sha512', crv: 'P-521', signatureBytes: 132 },
  EdDSA: { kty: 'OKP', hash: 'sha512', crv: 'Ed25519', signatureBytes: 64 },
  Ed25519: { kty: 'OKP', hash: 'sha512', crv: 'Ed25519', signatureBytes: 64 },
  HS256: { kty: 'oct', hash: 'sha256', signatureBytes: 32 },
  HS384: { kty: 'oct', hash: 'sha384', signatureBytes: 48 },
  HS512: { kty: 'oct', hash: 'sha512', signatureBytes: 64 },
}

/** What a verifier with public keys accepts unless it is told otherwise. */
export const DEFAULT_ALGORITHMS: readonly AsymmetricAlgorithm[] = [
  'RS256',
  'PS256',
  'ES256',
  'ES384',
  'EdDSA',
  'Ed25519',
]

/** Whether a name is one of ours: exactly, in this spelling. */
export function isAlgorithm(name: unknown): name is Algorithm {
  return typeof name === 'string' && Object.hasOwn(ALGORITHMS, name)
}
