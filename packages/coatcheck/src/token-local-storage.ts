export { localStorageStore } from './browser/stores/local-storage.ts'
