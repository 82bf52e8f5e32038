import type { ErrorCode } from '../core/error-codes.ts'
import type { RenewalNote } from './card.ts'
import type { EndReason } from './session-store.ts'

/**
 * What happens to sessions, for logs and audit trails: no token, no ticket, no key. `session` is the first 8
 * characters of the id; `subject` is the provider's `sub`.
 */
export type SessionEvent =
  | { readonly type: 'session.created'; readonly session: string; readonly subject: string }
  | {
      readonly type: 'session.ended'
      readonly session: string
      readonly reason: EndReason
      /** Missing where the card cannot be read. */
      readonly subject?: string
      /** The last ten renewals: why was I signed out? */
      readonly renewals?: readonly RenewalNote[]
    }
  | { readonly type: 'session.renewed'; readonly session: string }
  | {
      readonly type: 'session.renewal_failed'
      readonly session: string
      readonly reason: Exclude<RenewalNote['outcome'], 'renewed'>
      /** What the provider did, in our words. */
      readonly why?: string
    }
  /** New tokens came for a session that had ended meanwhile: revoked, unless it was only replaced. */
  | { readonly type: 'session.renewal_discarded'; readonly session: string }
  | {
      readonly type: 'session.revocation_failed'
      readonly session: string
      readonly code: ErrorCode
    }
  /** The provider gave a refresh token that a session in a cookie does not keep. */
  | { readonly type: 'session.refresh_token_dropped'; readonly session: string }
  /** A session does not fit into cookies beside those that the browser has already. */
  | {
      readonly type: 'session.too_large'
      readonly session: string
      /** What the Cookie header would measure, and may. */
      readonly bytes: number
      readonly budget: number
    }
  /** A session that had become too large for cookies lies in the store from now on, as `to`. */
  | { readonly type: 'session.moved'; readonly session: string; readonly to: string }
  /** The provider does not answer, or asked to be left alone: no renewal is tried for a while. */
  | { readonly type: 'renewal.paused'; readonly seconds: number }
  | { readonly type: 'renewal.resumed' }
