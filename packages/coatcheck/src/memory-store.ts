export {
  ENDING_KEPT_MS,
  type EndReason,
  type MaybePromise,
  type SessionStore,
  type StoredSession,
} from './sessions/session-store.ts'
export { type MemoryStoreOptions, memoryStore } from './sessions/stores/memory.ts'
