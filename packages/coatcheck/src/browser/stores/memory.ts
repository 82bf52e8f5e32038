import type { TokenStore } from '../token-store.ts'

/**
 * Keeps tokens in a variable of the page: gone with a reload, and in no list that a script can read. The default.
 *
 * @see RFC 10017 (OAuth 2.0 for Browser-Based Applications), section 8.4
 * @example
 * const tokens = createTokenClient({
 *   issuer: 'https://idp.example',
 *   clientId: 'spa',
 *   apis: ['https://api.example/v1/'],
 *   store: memoryStore(),
 * })
 */
export function memoryStore(): TokenStore {
  return {
    traits: {
      place: 'memory',
      readableByScript: 'in_use',
      sentByBrowser: false,
      survivesReload: false,
      survivesTabClose: false,
      survivesBrowserClose: false,
      sharedWithTabs: false,
      sharedWithSubdomains: false,
    },
    open: () => {
      let kept: string | undefined
      return {
        read: () => kept,
        write: (text) => {
          kept = text
          return { ok: true }
        },
        remove: () => {
          kept = undefined
        },
      }
    },
  }
}
