export { ERROR_CODES, type ErrorCode } from './core/error-codes.ts'
export { CoatcheckError } from './core/errors.ts'
export { Secret } from './core/secret.ts'
export { allowInsecureHttp } from './core/unsafe.ts'
export type { Algorithm, AsymmetricAlgorithm } from './tokens/algorithm.ts'
export type { VerifyChecks } from './tokens/claims.ts'
export type { JsonWebKeyLike, JsonWebKeySet } from './tokens/jwk.ts'
export { createLocalKeySet, type KeySet } from './tokens/key-set.ts'
export { createRemoteKeySet, type RemoteKeySetOptions } from './tokens/remote-key-set.ts'
export {
  isVerifiedToken,
  type JwtClaims,
  type TokenKind,
  type VerifiedToken,
} from './tokens/verified-token.ts'
export {
  createVerifiedTokenSet,
  isVerifiedTokenSet,
  type OpaqueAccessToken,
  type VerifiedTokenSet,
  type VerifiedTokenSetInput,
} from './tokens/verified-token-set.ts'
export { createVerifier, type Verifier, type VerifierOptions } from './tokens/verifier.ts'
