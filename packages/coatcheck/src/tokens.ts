export { ERROR_CODES, type ErrorCode } from './core/error-codes.ts'
export { CoatcheckError } from './core/errors.ts'
export { Secret } from './core/secret.ts'
export { allowInsecureHttp } from './core/unsafe.ts'
export type { Algorithm, AsymmetricAlgorithm } from './tokens/algorithm.ts'
export type { VerifyChecks } from './tokens/claims.ts'
export { createJtiMemory, type JtiMemory, type JtiMemoryOptions } from './tokens/dpop-jti-memory.ts'
export { createDpopNonces, type DpopNonces, type DpopNoncesOptions } from './tokens/dpop-nonces.ts'
export type { DpopHeaderValue } from './tokens/dpop-parts.ts'
export {
  createDpopProof,
  type DpopKey,
  type DpopKeyPair,
  type DpopProofOptions,
  dpopKeyOf,
  generateDpopKeyPair,
} from './tokens/dpop-proof.ts'
export {
  createDpopVerifier,
  type DpopRequest,
  type DpopVerifier,
  type DpopVerifierOptions,
  type VerifiedDpopProof,
} from './tokens/dpop-verifier.ts'
export type { JsonWebKeyLike, JsonWebKeySet } from './tokens/jwk.ts'
export { jwkThumbprint } from './tokens/jwk-thumbprint.ts'
export { createLocalKeySet, type KeySet } from './tokens/key-set.ts'
export { createRemoteKeySet, type RemoteKeySetOptions } from './tokens/remote-key-set.ts'
export type { OpaqueAccessToken, TokenParts } from './tokens/token-parts.ts'
export {
  isVerifiedToken,
  type JwtClaims,
  type TokenKind,
  type VerifiedToken,
} from './tokens/verified-token.ts'
export {
  createVerifiedTokenSet,
  isVerifiedTokenSet,
  type VerifiedTokenSet,
  type VerifiedTokenSetInput,
} from './tokens/verified-token-set.ts'
export { createVerifier, type Verifier, type VerifierOptions } from './tokens/verifier.ts'
