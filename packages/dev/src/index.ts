export { type SampleApi, type SampleApiOptions, startSampleApi } from './api.ts'
export { type SampleCertificate, sampleCertificate } from './certificate.ts'
export { type DataFolder, openDataFolder } from './data-folder.ts'
export { type Dev, type DevOptions, startDev } from './dev.ts'
export { createDpopProver, type DpopProver, type DpopRequest } from './dpop-prover.ts'
export { createFormBrowser, type FormBrowser, type FormPage } from './form-browser.ts'
export type { ServerCertificate } from './loopback-server.ts'
export {
  API_AUDIENCE,
  type DevProvider,
  type DevProviderOptions,
  startDevProvider,
} from './provider.ts'
export type { DevClient, DevPublicClient } from './provider-clients.ts'
export {
  makePublicAuthorizationRequest,
  type PublicSignInClient,
  requestPublicTokens,
  signInPublicClient,
} from './public-sign-in.ts'
export {
  type AuthorizationRequest,
  makeAuthorizationRequest,
  requestTokens,
  type SignInClient,
  signInForTokens,
  type TokenAnswer,
} from './sign-in.ts'
export { StartError } from './start-error.ts'
export type {
  IssuedTokens,
  TokenFault,
  TokenHooks,
  TokenOutcome,
  TokenRequest,
} from './token-faults.ts'
export { createTrustingFetch, type Fetch } from './trusting-fetch.ts'
export { TEST_USERS, type TestUser } from './users.ts'
