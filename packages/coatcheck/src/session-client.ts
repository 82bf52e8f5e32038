export {
  createSessionClient,
  type SessionClient,
  type SignInOptions,
} from './browser/session-client.ts'
export { SessionClientError } from './browser/session-fetch.ts'
export type { SessionListener, SessionState, SignedIn, SignedOut } from './browser/session-state.ts'
export {
  type SessionWarning,
  type WarningOptions,
  warnBeforeEnd,
} from './browser/session-warning.ts'
