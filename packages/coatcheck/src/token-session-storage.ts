export { sessionStorageStore } from './browser/stores/session-storage.ts'
