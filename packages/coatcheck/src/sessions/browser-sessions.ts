import type { MaybePromise } from '../core/maybe-promise.ts'
import type { CreateSessionInput } from './begin-session.ts'
import type { Endings } from './endings.ts'
import type { AccessTokenResult } from './renewal.ts'
import type { Session } from './session.ts'
import type { SessionList } from './session-list.ts'
import type { EndReason } from './session-store.ts'

/** What a request's cookies are worth; the reason is for the log, over HTTP all are `signed_out`. */
export type SessionReading =
  | { readonly ok: true; readonly session: Session }
  | { readonly ok: false; readonly reason: SessionRefusal }

/** Why a request has no session. */
export type SessionRefusal =
  | 'absent'
  | 'twins'
  | 'incomplete'
  | 'malformed'
  | 'unknown'
  | 'unknown_key'
  | 'tampered'
  | 'ended'
  | 'idle_timeout'
  | 'absolute_timeout'

/** A session and what sets it in a browser. */
export interface SetSession {
  readonly session: Session
  /** `Set-Cookie` values. */
  readonly setCookies: readonly string[]
}

/**
 * Sessions as browsers bring them along and take them back, whether their cookie holds a ticket or the session
 * itself. Every method rejects with `store_unavailable` when a store does not answer.
 */
export interface BrowserSessions {
  /** The session of a request. Never throws for what a cookie holds. */
  read(cookieHeader: string | undefined): MaybePromise<SessionReading>
  /** A new session for the browser that sent these cookies. Throws `cookie_too_large`. */
  create(input: CreateSessionInput, cookieHeader: string | undefined): Promise<SetSession>
  /** Counts as activity; writes after a tenth of the idle time only. `undefined` when the session ended meanwhile. */
  touch(session: Session): MaybePromise<Session | undefined>
  /** The access token, renewed if it is about to end: once, however many ask. */
  accessToken(session: Session): MaybePromise<AccessTokenResult>
  /** What the answer to a request must set so that its browser has this session: nothing for a ticket. */
  setCookies(session: Session): readonly string[]
  /** Ends a session; with `revoke` its newest refresh token too. False when it had ended already. */
  end(
    session: Session,
    reason: EndReason,
    options?: { readonly revoke?: boolean },
  ): Promise<boolean>
  /** What signs this browser out. */
  clear(cookieHeader: string | undefined): readonly string[]
  /** The sessions of all twins of our cookie: to be ended, and for nothing else. */
  twins(cookieHeader: string | undefined): Promise<readonly Session[]>
  /** Tells when a session ends. */
  readonly endings: Endings
  /** All sessions of a person; `undefined` where nobody keeps a list. */
  readonly list: SessionList | undefined
  /** Removes what is over, `limit` at most; gives back how many sessions. */
  sweep(limit: number): Promise<number>
  /** Stops listening; sessions stay. */
  close(): Promise<void>
}
