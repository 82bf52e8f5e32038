import { findCookie, listCookieValues } from '../cookies/parse.ts'
import { andThen, type MaybePromise } from '../core/maybe-promise.ts'
import type { DecidingHeaders } from '../core/request-head.ts'
import { isDocumentNavigation } from '../guard/hop.ts'
import type { createGuard, Intent, Judgement } from '../guard/judge.ts'
import type { Session, Sessions } from '../sessions/sessions.ts'
import type { CounterOptions } from './options.ts'

/** Whether a request speaks for a session. */
export type AuthorityReading =
  | { readonly ok: true; readonly session: Session }
  | { readonly ok: false; readonly judgement?: Judgement & { readonly ok: false } }

/** What {@link createAuthority} needs. */
export interface AuthorityOptions {
  readonly ticketName: string
  readonly sessions: Sessions
  readonly judge: ReturnType<typeof createGuard>
  readonly onEvent: NonNullable<CounterOptions['onEvent']>
}

/** From a request's headers to its session, guard first. */
export interface Authority {
  /** Guard, ticket, session. */
  judged(intent: Intent, headers: DecidingHeaders): MaybePromise<AuthorityReading>
  /** Ticket and session alone: for page navigations and the callback. */
  ticket(headers: DecidingHeaders): MaybePromise<Session | undefined>
  /** The sessions of all twins of the ticket: to be ended, and for nothing else. */
  twins(headers: DecidingHeaders): Promise<readonly Session[]>
  /** What a handler of the app's own may rely on. */
  ownHandler(method: string, headers: DecidingHeaders): MaybePromise<AuthorityReading>
}

const MAX_TWINS = 8

const SIGNED_OUT: AuthorityReading = { ok: false }

/** Makes the way from a request to its session: the guard decides before the cookie is even read. */
export function createAuthority(options: AuthorityOptions): Authority {
  const { ticketName, sessions, judge, onEvent } = options

  function ticket(headers: DecidingHeaders): MaybePromise<Session | undefined> {
    const cookie = findCookie(headers.cookie, ticketName)
    if (!cookie.ok) {
      if (cookie.reason === 'twins') onEvent({ type: 'cookie.refused', reason: 'twins' })
      return undefined
    }
    return andThen(sessions.load(cookie.value), (loaded) => {
      if (loaded.ok) return loaded.session
      onEvent({ type: 'cookie.refused', reason: loaded.reason })
      return undefined
    })
  }

  function judged(intent: Intent, headers: DecidingHeaders): MaybePromise<AuthorityReading> {
    const judgement = judge(intent, headers)
    if (!judgement.ok) {
      onEvent({ type: 'guard.refused', rule: judgement.rule, seen: judgement.seen })
      return { ok: false, judgement }
    }
    return andThen(ticket(headers), toReading)
  }

  function ownHandler(method: string, headers: DecidingHeaders): MaybePromise<AuthorityReading> {
    const reads = method === 'GET' || method === 'HEAD'
    if (!reads) return judged('change', headers)
    if (!isDocumentNavigation(headers)) return judged('page', headers)
    return andThen(ticket(headers), toReading)
  }

  async function twins(headers: DecidingHeaders): Promise<readonly Session[]> {
    const found: Session[] = []
    for (const value of new Set(listCookieValues(headers.cookie, ticketName, MAX_TWINS))) {
      const loaded = await sessions.load(value)
      if (loaded.ok) found.push(loaded.session)
    }
    return found
  }

  return { judged, ticket, twins, ownHandler }
}

function toReading(session: Session | undefined): AuthorityReading {
  return session === undefined ? SIGNED_OUT : { ok: true, session }
}
