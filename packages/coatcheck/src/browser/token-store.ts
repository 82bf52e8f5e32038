import type { GrantLedger, LedgerTimes } from './grant-ledger.ts'

/** What a place costs, and what it gives. The lab `traits` checks each line in real browsers. */
export interface TokenStoreTraits {
  readonly place: 'memory' | 'session_storage' | 'local_storage' | 'script_cookie' | 'worker'
  /**
   * When a hostile script in the page can read tokens and take them away: `always`, or `in_use` (they are in nothing
   * that it can list, but a built-in that it has patched sees them go by), or `never`.
   *
   * No place hinders a script from using the tokens while the page is open, nor from signing in by itself to get new ones.
   */
  readonly readableByScript: 'always' | 'in_use' | 'never'
  /** Whether the browser sends tokens by itself with requests to this site: to its server, its logs, and whoever makes it ask. */
  readonly sentByBrowser: boolean
  readonly survivesReload: boolean
  readonly survivesTabClose: boolean
  readonly survivesBrowserClose: boolean
  /** Whether the tabs of one browser have one sign-in. Else each tab has its own. */
  readonly sharedWithTabs: boolean
  readonly sharedWithSubdomains: boolean
  /** How much fits in, in bytes; absent where nobody counts. */
  readonly maxBytes?: number
}

/** Why a place did not take what it was given. */
export type StoreFault =
  /** The site has used up what the browser grants it. */
  | 'quota_exceeded'
  /** The browser refuses: private mode, a setting, a sandboxed frame, an attribute that it does not accept. */
  | 'storage_unavailable'
  /** It cannot fit in, whatever else is there. */
  | 'too_large'

/** What came of writing. Never thrown: the browser's own errors quote keys and values. */
export type StoreOutcome =
  | { readonly ok: true }
  | { readonly ok: false; readonly reason: StoreFault; readonly detail: string }

/** A place that was opened under a name: one text, which is written and removed as a whole. */
export interface OpenTokenStore {
  /** `undefined` when there is nothing, or nothing that can be read. */
  read(): string | undefined
  write(text: string): StoreOutcome
  remove(): void
  /** Is told when another tab, or a person with the browser's tools, changed it. Gives back how to stop. */
  watch?(listener: () => void): () => void
  /**
   * Where other pages see the place, too, or get a copy: what says which refresh tokens were sent. Take
   * `createSharedLedger` of `coatcheck/token-local-storage`.
   */
  ledger?(times: LedgerTimes): GrantLedger
}

/**
 * Where a page keeps tokens. A store sees text alone: what is in it was verified before it is written, and is verified
 * again when it is read.
 */
export interface TokenStore {
  readonly traits: TokenStoreTraits
  /** Opens the place under a name: one for each client of a provider at this origin. It may hold any character. */
  open(name: string): OpenTokenStore
}
