import type { ErrorCode } from '../core/error-codes.ts'
import type { EndReason } from './session-store.ts'

/** What happens to sessions, for logs and audit trails. `session` is the first 8 characters of the id. */
export type SessionEvent =
  | { readonly type: 'session.created'; readonly session: string }
  | { readonly type: 'session.ended'; readonly session: string; readonly reason: EndReason }
  | { readonly type: 'session.renewed'; readonly session: string }
  | {
      readonly type: 'session.renewal_failed'
      readonly session: string
      readonly reason: 'refused' | 'not_spent' | 'lost'
    }
  | {
      readonly type: 'session.revocation_failed'
      readonly session: string
      readonly code: ErrorCode
    }
