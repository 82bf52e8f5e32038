import { createSharedLedger } from '../grant-ledger.ts'
import type { TokenStore } from '../token-store.ts'
import { openWebStorage, WEB_STORAGE_BYTES } from './web-storage.ts'

/**
 * Keeps tokens in `sessionStorage`: a reload keeps them, closing the tab ends them (a tab that the browser opens again
 * has them again), each tab signs in by itself. Every script in the page can read them at any time.
 *
 * A tab that the person duplicates starts with a copy. It is noticed, and the copy goes without the refresh token, so
 * that the two do not use one up for each other.
 *
 * @see HTML, section 12.2 (Web Storage)
 * @example
 * const store = sessionStorageStore()
 * store.traits.readableByScript // 'always'
 */
export function sessionStorageStore(): TokenStore {
  return {
    traits: {
      place: 'session_storage',
      readableByScript: 'always',
      sentByBrowser: false,
      survivesReload: true,
      survivesTabClose: false,
      survivesBrowserClose: false,
      sharedWithTabs: false,
      sharedWithSubdomains: false,
      maxBytes: WEB_STORAGE_BYTES,
    },
    open: (name) => ({
      ...openWebStorage(() => sessionStorage, name),
      ledger: createSharedLedger,
    }),
  }
}
