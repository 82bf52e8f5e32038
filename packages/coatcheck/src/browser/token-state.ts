import type { StoreFault } from './token-store.ts'

/** Why nobody is signed in. */
export type SignedOutReason =
  /** By this tab. */
  | 'signed_out'
  /** By another tab. */
  | 'signed_out_elsewhere'
  /** The provider takes the refresh token no more. */
  | 'renewal_refused'
  /** What was kept is damaged, forged, not of this client, or was used by nobody for 90 days. */
  | 'entry_refused'

/** What a page knows: who, and whether the API can be called. No token. */
export type TokenState =
  | { readonly state: 'signed_out'; readonly reason?: SignedOutReason }
  | {
      /**
       * `signed_in`: the API can be called. `renewing`: the access token is over, and its renewal is under way or will be
       * tried with the next call. `expired`: it is over and cannot be renewed; sign in again.
       */
      readonly state: 'signed_in' | 'renewing' | 'expired'
      /** The claims of the ID token; without one, those of the access token. */
      readonly claims: Readonly<Record<string, unknown>>
      /** In milliseconds since 1970, by this machine's clock. Absent when the provider did not say. */
      readonly accessTokenExpiresAt?: number
      /** Why the tokens are in this page's memory alone: the place did not take them. */
      readonly notStored?: StoreFault
    }

/** Is told the state once it is known, and then whenever it becomes another one. */
export type TokenStateListener = (state: TokenState) => void
