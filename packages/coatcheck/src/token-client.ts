export { memoryStore } from './browser/stores/memory.ts'
export {
  createTokenClient,
  type SignInOptions,
  type SignOutOptions,
  type TokenClient,
} from './browser/token-client.ts'
export type { TokenClientOptions } from './browser/token-client-options.ts'
export type { SignedOutReason, TokenState, TokenStateListener } from './browser/token-state.ts'
export type {
  OpenTokenStore,
  StoreFault,
  StoreOutcome,
  TokenStore,
  TokenStoreTraits,
} from './browser/token-store.ts'
export { CoatcheckError } from './core/errors.ts'
export { allowInsecureHttp } from './core/unsafe.ts'
