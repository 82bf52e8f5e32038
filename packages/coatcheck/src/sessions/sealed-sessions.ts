import { findCookie, listCookieValues } from '../cookies/parse.ts'
import { type CookieAttributes, deleteCookie } from '../cookies/serialize.ts'
import { encodeBase64url } from '../core/bytes.ts'
import type { Clock } from '../core/clock.ts'
import { CoatcheckError } from '../core/errors.ts'
import { andThen, type MaybePromise } from '../core/maybe-promise.ts'
import type { RandomSource } from '../core/random.ts'
import type { KeyRing } from '../ring/key-ring.ts'
import { withoutRefreshToken } from '../tokens/verified-token-set.ts'
import { beginContents, type CreateSessionInput } from './begin-session.ts'
import { createBroughtCookies } from './brought-cookies.ts'
import type { BrowserSessions, SessionReading, SetSession } from './browser-sessions.ts'
import type { SessionEvent } from './events.ts'
import { createKeptSessions } from './kept-sessions.ts'
import { createLifetimes, type LifetimeOptions } from './lifetimes.ts'
import { createNotices } from './notices.ts'
import type { RecordBinding } from './record.ts'
import type { AccessTokenResult } from './renewal.ts'
import { createRenewalOver, type RenewalSettings } from './renewal-over.ts'
import { hasSameTokens } from './same-tokens.ts'
import { createSealedCookies, type SealedCookiesOptions } from './sealed-cookie.ts'
import { createSealedEndings, type RevokeToken } from './sealed-endings.ts'
import { behindSession, createSession, type Session, shortIdOf } from './session.ts'
import { createSuccession } from './succession.ts'
import { TICKET_LENGTH } from './ticket.ts'
import type { TicketSessions } from './ticket-sessions.ts'

/** How sessions lie in cookies. */
export interface SealedSessionsSettings extends LifetimeOptions, RenewalSettings {
  /** The lifetimes of remembered sessions. Default: nobody is remembered. */
  readonly remembered?: LifetimeOptions | undefined
  /** `single-process`: refresh tokens are kept, and renewed by the one process that there is. Default: `none`. */
  readonly refreshTokens?: 'none' | 'single-process' | undefined
  /** How many opened cookies are kept in memory. Default: 10,000. */
  readonly openedCacheEntries?: number | undefined
}

/** What {@link createSealedSessions} needs. */
export interface SealedSessionsOptions
  extends SealedSessionsSettings,
    RecordBinding,
    Pick<SealedCookiesOptions, 'budgetBytes' | 'deflate'> {
  readonly ring: KeyRing
  readonly name: string
  readonly attributes: CookieAttributes
  /** How long the cookie of a remembered session is kept. Default: as long as any other. */
  readonly rememberSeconds?: number | undefined
  /** Where sessions go that are too large. Default: they are refused. */
  readonly tickets?: TicketSessions | undefined
  readonly clock: Clock
  readonly random: RandomSource
  readonly revoke?: RevokeToken | undefined
  readonly onEvent: (event: SessionEvent) => void
}

const ID_BYTES = 16
const MAX_TWINS = 8

/**
 * Sessions that lie in the browser's cookies, sealed, and nowhere else. An answer sets them anew when something changed:
 * after a tenth of the idle time, after a renewal, under a new key. What was sealed opens until its end, wherever it was
 * copied to: only the process that ended a session remembers that it did.
 *
 * @see RFC 10017, section 6.1.2.3
 */
export function createSealedSessions(options: SealedSessionsOptions): BrowserSessions {
  const { ring, name, attributes, clock, random, tickets, onEvent } = options
  const keepsRefreshTokens = options.refreshTokens === 'single-process'
  const lifetimes = createLifetimes(options)
  const cookies = createSealedCookies(options)
  const notices = createNotices({})
  const endings = createSealedEndings({
    ...options,
    notices,
    newest: (state) => kept.newest(state),
  })
  const { ended, onEnded } = endings
  const kept = createKeptSessions({ lifetimes, clock, ended, onEnded })
  const succession = createSuccession({
    ...{ cookies, name, attributes, lifetimes, clock, tickets, onEvent },
    rememberSeconds: options.rememberSeconds,
    renewedAt: kept.renewedAt,
    onMoved: endings.onMoved,
  })
  const { broughtBy, sessionOf, succeed } = succession
  const openBrought = createBroughtCookies({
    ...{ cookies, name, ring },
    maxEntries: options.openedCacheEntries ?? 10_000,
  })
  const renewal = createRenewalOver(
    keepsRefreshTokens ? options : { ...options, renew: undefined },
    {
      ...{ place: kept, notices, clock, random, onEvent },
      revoke: (refreshToken, id) => endings.revoke(refreshToken, 'refresh_token', id),
    },
  )

  function read(cookieHeader: string | undefined): MaybePromise<SessionReading> {
    const cookie = tickets === undefined ? undefined : findCookie(cookieHeader, name)
    if (tickets === undefined || cookie?.ok !== true || cookie.value.length !== TICKET_LENGTH) {
      return readSealed(cookieHeader)
    }
    return andThen(tickets.read(cookieHeader), (reading) => {
      if (reading.ok) return reading
      // Chunks may lie beside a ticket that is over.
      const sealed = readSealed(cookieHeader)
      return sealed.ok ? sealed : reading
    })
  }

  function readSealed(cookieHeader: string | undefined): SessionReading {
    const reading = openBrought(cookieHeader)
    if (!reading.ok) return reading
    const { brought } = reading
    if (ended.reasonOf(brought.state.id) !== undefined) return { ok: false, reason: 'ended' }
    const session = sessionOf(brought, kept.newest(brought.state))
    const now = clock()
    if (now < session.idleEndsAt) return { ok: true, session }
    // Of this cookie, not of the session: the browser may have a newer one.
    return { ok: false, reason: now < session.absoluteEndsAt ? 'idle_timeout' : 'absolute_timeout' }
  }

  async function create(
    input: CreateSessionInput,
    cookieHeader: string | undefined,
  ): Promise<SetSession> {
    const { tokenSet } = input
    const isDropped = tokenSet.refreshToken !== undefined && !keepsRefreshTokens
    const begun = isDropped ? { ...input, tokenSet: withoutRefreshToken(tokenSet) } : input
    const contents = beginContents(begun, lifetimes, clock())
    const state = { id: encodeBase64url(random(ID_BYTES)), contents }
    const request = cookies.open(cookieHeader)
    const sealed = succession.seal(state, request)
    if (!sealed.ok) {
      const { bytes, budget } = sealed
      if (tickets === undefined) throw tooLarge(bytes, budget)
      const set = await tickets.create(begun, cookieHeader)
      return { ...set, setCookies: succession.moveCookies(set, request) }
    }
    const { sealedAt, setCookies } = sealed
    const session = createSession(
      { ...state, version: 1, lastSeenAt: sealedAt },
      lifetimes.of(contents),
    )
    const { shortId } = session
    onEvent({ type: 'session.created', session: shortId, subject: tokenSet.subject })
    if (isDropped) onEvent({ type: 'session.refresh_token_dropped', session: shortId })
    return { session, setCookies }
  }

  function touch(session: Session): MaybePromise<Session | undefined> {
    const brought = broughtBy(session)
    if (brought === undefined) return storeOf(session).touch(session)
    if (ended.reasonOf(session.id) !== undefined) return undefined
    const state = behindSession(session)
    const { contents, keyId } = brought.request
    const isDue = clock() - session.lastSeenAt >= lifetimes.of(state.contents).idleMs / 10
    const isNews = !hasSameTokens(state.contents.tokenSet, contents.tokenSet)
    return isDue || isNews || ring.isFormer(keyId) ? succeed(brought, state) : session
  }

  function accessToken(session: Session): MaybePromise<AccessTokenResult> {
    const brought = broughtBy(session)
    if (brought === undefined) return storeOf(session).accessToken(session)
    return andThen(renewal.accessToken(session), (access) => {
      if (!access.ok || access.session === session) return access
      return andThen(succeed(brought, behindSession(access.session)), (successor) => ({
        ...access,
        session: successor,
      }))
    })
  }

  async function twins(cookieHeader: string | undefined): Promise<readonly Session[]> {
    const found = [...((await tickets?.twins(cookieHeader)) ?? [])]
    for (const value of new Set(listCookieValues(cookieHeader, name, MAX_TWINS))) {
      const reading = readSealed(`${name}=${value}`)
      if (reading.ok) found.push(reading.session)
    }
    return found
  }

  function storeOf(session: Session): TicketSessions {
    if (tickets !== undefined) return tickets
    throw new TypeError(`not a session that a request brought: ${shortIdOf(session.id)}`)
  }

  const isSealed = (session: Session): boolean => broughtBy(session) !== undefined
  return {
    read,
    create,
    touch,
    accessToken,
    setCookies: succession.setCookies,
    end: (session, reason, ending = {}) => {
      if (isSealed(session)) return endings.end(session, reason, ending.revoke === true)
      // The cookies that it lay in before must not open any more either.
      endings.endFormer(session, reason)
      return storeOf(session).end(session, reason, ending)
    },
    clear: (cookieHeader) => {
      const names = new Set([name, ...cookies.open(cookieHeader).names])
      return [...names].map((each) => deleteCookie(each, attributes))
    },
    twins,
    endings: {
      ...endings.endings,
      watch: (session, onEnd) =>
        (isSealed(session) ? endings.endings : storeOf(session).endings).watch(session, onEnd),
    },
    list: undefined,
    sweep: async (limit) => (await tickets?.sweep(limit)) ?? 0,
    close: async () => {
      endings.endings.close()
      await tickets?.close()
    },
  }
}

function tooLarge(bytes: number, budget: number): CoatcheckError {
  return new CoatcheckError('cookie_too_large', {
    detail: `The Cookie header would have ${bytes} bytes, and may have ${budget}.`,
  })
}
