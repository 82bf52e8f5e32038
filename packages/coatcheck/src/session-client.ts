export {
  createSessionClient,
  type SessionClient,
  SessionClientError,
  type SessionState,
} from './browser/session-client.ts'
