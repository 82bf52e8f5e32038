export { type SampleApi, type SampleApiOptions, startSampleApi } from './api.ts'
export { type SampleCertificate, sampleCertificate } from './certificate.ts'
export { type DataFolder, openDataFolder } from './data-folder.ts'
export { type Dev, type DevOptions, startDev } from './dev.ts'
export { createFormBrowser, type FormBrowser, type FormPage } from './form-browser.ts'
export {
  API_AUDIENCE,
  type DevProvider,
  type DevProviderOptions,
  startDevProvider,
} from './provider.ts'
export type { DevClient } from './provider-configuration.ts'
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
export { TEST_USERS, type TestUser } from './users.ts'
