export { createSharedLedger, type GrantLedger, type LedgerTimes } from './browser/grant-ledger.ts'
export { localStorageStore } from './browser/stores/local-storage.ts'
