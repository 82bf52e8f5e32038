import { createSharedLedger } from '../grant-ledger.ts'
import type { TokenStore } from '../token-store.ts'
import { openWebStorage, WEB_STORAGE_BYTES } from './web-storage.ts'

/**
 * Keeps tokens in `localStorage`: they survive everything but sign-out, and all tabs share one sign-in. Every script in
 * the page can read them at any time, in this visit and the next, and so can whoever copies the browser's profile.
 *
 * @see HTML, section 12.2 (Web Storage)
 * @example
 * const store = localStorageStore()
 * store.traits.survivesBrowserClose // true
 */
export function localStorageStore(): TokenStore {
  return {
    traits: {
      place: 'local_storage',
      readableByScript: 'always',
      sentByBrowser: false,
      survivesReload: true,
      survivesTabClose: true,
      survivesBrowserClose: true,
      sharedWithTabs: true,
      sharedWithSubdomains: false,
      maxBytes: WEB_STORAGE_BYTES,
    },
    open: (name) => ({
      ...openWebStorage(() => localStorage, name),
      ledger: createSharedLedger,
      watch: (listener) => {
        // A key of null: everything was cleared.
        const onStorage = ({ key }: StorageEvent): void => {
          if (key === name || key === null) listener()
        }
        addEventListener('storage', onStorage)
        return () => removeEventListener('storage', onStorage)
      },
    }),
  }
}
