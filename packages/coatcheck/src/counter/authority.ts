import { andThen, type MaybePromise } from '../core/maybe-promise.ts'
import type { DecidingHeaders } from '../core/request-head.ts'
import { isDocumentNavigation } from '../guard/hop.ts'
import type { createGuard, Intent, Judgement } from '../guard/judge.ts'
import type { BrowserSessions } from '../sessions/browser-sessions.ts'
import type { Session } from '../sessions/session.ts'
import type { CounterOptions } from './options.ts'

/** Whether a request speaks for a session. */
export type AuthorityReading =
  | { readonly ok: true; readonly session: Session }
  | { readonly ok: false; readonly judgement?: Judgement & { readonly ok: false } }

/** What {@link createAuthority} needs. */
export interface AuthorityOptions {
  readonly sessions: BrowserSessions
  readonly judge: ReturnType<typeof createGuard>
  readonly onEvent: NonNullable<CounterOptions['onEvent']>
}

/** From a request's headers to its session, guard first. */
export interface Authority {
  /** Guard, cookie, session. */
  judged(intent: Intent, headers: DecidingHeaders): MaybePromise<AuthorityReading>
  /** Cookie and session alone: for page navigations and the callback. */
  session(headers: DecidingHeaders): MaybePromise<Session | undefined>
  /** What a handler of the app's own may rely on. */
  ownHandler(method: string, headers: DecidingHeaders): MaybePromise<AuthorityReading>
}

const SIGNED_OUT: AuthorityReading = { ok: false }

/** Makes the way from a request to its session: the guard decides before the cookie is even read. */
export function createAuthority(options: AuthorityOptions): Authority {
  const { sessions, judge, onEvent } = options

  function session({ cookie }: DecidingHeaders): MaybePromise<Session | undefined> {
    return andThen(sessions.read(cookie), (reading) => {
      if (reading.ok) return reading.session
      const { reason } = reading
      if (reason !== 'absent') onEvent({ type: 'cookie.refused', reason })
      return undefined
    })
  }

  function judged(intent: Intent, headers: DecidingHeaders): MaybePromise<AuthorityReading> {
    const judgement = judge(intent, headers)
    if (!judgement.ok) {
      onEvent({ type: 'guard.refused', rule: judgement.rule, seen: judgement.seen })
      return { ok: false, judgement }
    }
    return andThen(session(headers), toReading)
  }

  function ownHandler(method: string, headers: DecidingHeaders): MaybePromise<AuthorityReading> {
    const reads = method === 'GET' || method === 'HEAD'
    if (!reads) return judged('change', headers)
    if (!isDocumentNavigation(headers)) return judged('page', headers)
    return andThen(session(headers), toReading)
  }

  return { judged, session, ownHandler }
}

function toReading(session: Session | undefined): AuthorityReading {
  return session === undefined ? SIGNED_OUT : { ok: true, session }
}
