import { findCookie, listCookieValues } from '../cookies/parse.ts'
import { type CookieAttributes, deleteCookie, serializeCookie } from '../cookies/serialize.ts'
import type { MaybePromise } from '../core/maybe-promise.ts'
import type { BrowserSessions, SessionReading, SetSession } from './browser-sessions.ts'
import type { SessionContents } from './contents.ts'
import type { Session } from './session.ts'
import type { Sessions } from './sessions.ts'

/** What {@link createTicketSessions} needs. */
export interface TicketSessionsOptions {
  readonly sessions: Sessions
  /** The cookie's. */
  readonly name: string
  readonly attributes: CookieAttributes
  /** How long the cookie of a remembered session is kept. Default: as long as any other. */
  readonly rememberSeconds?: number | undefined
}

/** Sessions of a store, behind tickets. */
export interface TicketSessions extends BrowserSessions {
  /** A session that lay elsewhere until now: as old as it was, under a ticket of its own. */
  adopt(contents: SessionContents): Promise<SetSession>
}

const MAX_TWINS = 8
const NO_COOKIES: readonly string[] = []

/** A ticket is set at sign-in and never again: an answer that is late must not bring an old one back. */
export function createTicketSessions(options: TicketSessionsOptions): TicketSessions {
  const { sessions, name, attributes, rememberSeconds } = options
  const remembered =
    rememberSeconds === undefined ? attributes : { ...attributes, maxAgeSeconds: rememberSeconds }

  function read(cookieHeader: string | undefined): MaybePromise<SessionReading> {
    const cookie = findCookie(cookieHeader, name)
    return cookie.ok ? sessions.load(cookie.value) : cookie
  }

  async function twins(cookieHeader: string | undefined): Promise<readonly Session[]> {
    const found: Session[] = []
    for (const value of new Set(listCookieValues(cookieHeader, name, MAX_TWINS))) {
      const loaded = await sessions.load(value)
      if (loaded.ok) found.push(loaded.session)
    }
    return found
  }

  const setOf = (ticket: string, isRemembered: boolean): readonly string[] => [
    serializeCookie(name, ticket, isRemembered ? remembered : attributes),
  ]

  return {
    read,
    twins,
    create: async (input) => {
      const { ticket, session } = await sessions.create(input)
      return { session, setCookies: setOf(ticket, input.remembered === true) }
    },
    adopt: async (contents) => {
      const { ticket, session } = await sessions.adopt(contents)
      return { session, setCookies: setOf(ticket, contents.remembered === true) }
    },
    touch: sessions.touch,
    accessToken: sessions.accessToken,
    setCookies: () => NO_COOKIES,
    end: sessions.end,
    clear: () => [deleteCookie(name, attributes)],
    endings: sessions.endings,
    list: sessions,
    sweep: sessions.sweep,
    close: sessions.close,
  }
}
