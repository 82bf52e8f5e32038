/** What a page knows of its session: who, and until when. No token, no ticket. */
export type SessionState = SignedOut | SignedIn

/** Nobody is signed in. */
export interface SignedOut {
  readonly state: 'signed_out'
}

/** Somebody is. Times are milliseconds since 1970 by the server's clock: `secondsUntil` of the client counts from now. */
export interface SignedIn {
  readonly state: 'signed_in'
  /** Claims of the ID token about the person: `sub`, and what the scope brought. */
  readonly claims: Readonly<Record<string, unknown>>
  /** When the session ends unless it is used; never after `absoluteEndsAt`. */
  readonly idleEndsAt: number
  /** When it ends in any case. */
  readonly absoluteEndsAt: number
}

/**
 * Is told what the session is, as soon as that is known, and then each time it has become another one.
 *
 * `reason` says why it ended, where that is known: `signed_out`, `idle_timeout`, `absolute_timeout`, `replaced`,
 * `renewal_refused`, `ended_by_user`, `ended_by_operator`, `provider_signed_out`, `signed_out_elsewhere`.
 * `before` is what the session was until then; `undefined` the first time, when nothing has changed.
 */
export type SessionListener = (
  state: SessionState,
  reason: string | undefined,
  before: SessionState | undefined,
) => void

/** How a session ends that nobody ends. */
export function timeoutOf({ idleEndsAt, absoluteEndsAt }: SignedIn): Timeout {
  return idleEndsAt < absoluteEndsAt ? 'idle_timeout' : 'absolute_timeout'
}

/** `idle_timeout`: it was not used. `absolute_timeout`: in any case. */
export type Timeout = 'idle_timeout' | 'absolute_timeout'
