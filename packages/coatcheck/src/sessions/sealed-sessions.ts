import { findCookie, listCookieValues } from '../cookies/parse.ts'
import { type CookieAttributes, deleteCookie } from '../cookies/serialize.ts'
import { encodeBase64url } from '../core/bytes.ts'
import type { Clock } from '../core/clock.ts'
import { CoatcheckError } from '../core/errors.ts'
import { andThen, type MaybePromise } from '../core/maybe-promise.ts'
import type { RandomSource } from '../core/random.ts'
import type { KeyRing } from '../ring/key-ring.ts'
import { type VerifiedTokenSet, withoutRefreshToken } from '../tokens/verified-token-set.ts'
import { beginContents, type CreateSessionInput } from './begin-session.ts'
import { createBroughtCookies } from './brought-cookies.ts'
import type { BrowserSessions, SessionReading, SetSession } from './browser-sessions.ts'
import type { SessionEvent } from './events.ts'
import { createKeptSessions, stateOf } from './kept-sessions.ts'
import { createLifetimes, type LifetimeOptions } from './lifetimes.ts'
import { createMovedSessions } from './moved-sessions.ts'
import { createNotices } from './notices.ts'
import type { PackedContents } from './packed-contents.ts'
import type { RecordBinding } from './record.ts'
import type { AccessTokenResult } from './renewal.ts'
import { createRenewalOver, type RenewalSettings } from './renewal-over.ts'
import { saysSame } from './same-state.ts'
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
    current: (state) => kept.current(state),
    forget: (id) => {
      kept.forget(id)
      brought.forget(id)
    },
  })
  const { ended, onEnded } = endings
  const kept = createKeptSessions({ lifetimes, clock, ended, onEnded })
  const moved =
    tickets === undefined ? undefined : createMovedSessions({ tickets, ended, clock, onEvent })
  const succession = createSuccession({
    ...{ cookies, name, attributes, lifetimes, clock, moved, onEvent },
    rememberSeconds: options.rememberSeconds,
  })
  const { broughtBy, sessionOf, succeed } = succession
  const brought = createBroughtCookies({
    ...{ cookies, name, ring },
    maxEntries: options.openedCacheEntries ?? 10_000,
    // Sealed when they were kept still, or by who should not have.
    stateOf: (contents) =>
      stateOf(keepsRefreshTokens ? contents : { ...contents, tokenSet: withoutToken(contents) }),
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
      return followed(readSealed(cookieHeader))
    }
    return andThen(tickets.read(cookieHeader), (reading) => {
      if (reading.ok) return reading
      // Chunks may lie beside a ticket that is over.
      const sealed = readSealed(cookieHeader)
      return sealed.ok ? followed(sealed) : reading
    })
  }

  // An old cookie of a session that went into the store stands for that one.
  function followed(reading: SessionReading): MaybePromise<SessionReading> {
    const from = reading.ok ? broughtBy(reading.session) : undefined
    if (!reading.ok || from === undefined || moved?.has(reading.session.id) !== true) return reading
    return andThen(succession.follow(from, behindSession(reading.session)), (session) =>
      session === undefined ? { ok: false, reason: 'ended' } : { ok: true, session },
    )
  }

  function readSealed(cookieHeader: string | undefined): SessionReading {
    const reading = brought.open(cookieHeader)
    if (!reading.ok) return reading
    const { state } = reading.brought
    if (ended.reasonOf(state.id) !== undefined) {
      brought.forget(state.id)
      return { ok: false, reason: 'ended' }
    }
    const session = sessionOf(reading.brought, kept.newest(state))
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
    const sealed = succession.seal(state, request, { replaces: true })
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
    const from = broughtBy(session)
    if (from === undefined) {
      return andThen(storeOf(session).touch(session), (to) => succession.handOn(session, to))
    }
    if (ended.reasonOf(session.id) !== undefined) return undefined
    // It may have been renewed since it was read.
    const state = kept.current(behindSession(session))
    const isDue = clock() - session.lastSeenAt >= lifetimes.of(state.contents).idleMs / 10
    const isNews = !saysSame(state.contents, from.request.contents)
    return isDue || isNews || ring.isFormer(from.request.keyId) ? succeed(from, state) : session
  }

  function accessToken(session: Session): MaybePromise<AccessTokenResult> {
    const from = broughtBy(session)
    if (from === undefined) return storeOf(session).accessToken(session)
    return andThen(renewal.accessToken(session), (access) => {
      if (!access.ok || access.session === session) return access
      return andThen(succeed(from, behindSession(access.session)), (successor) =>
        successor === undefined
          ? { ok: false, reason: 'signed_out' }
          : { ...access, session: successor },
      )
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
    end: async (session, reason, ending = {}) => {
      if (isSealed(session)) {
        const isEnded = await endings.end(session, reason, ending.revoke === true)
        await moved?.endSuccessor(session.id, reason)
        return isEnded
      }
      moved?.endFormer(session.id, reason)
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

function withoutToken({ tokenSet }: PackedContents): VerifiedTokenSet {
  return tokenSet.refreshToken === undefined ? tokenSet : withoutRefreshToken(tokenSet)
}

function tooLarge(bytes: number, budget: number): CoatcheckError {
  return new CoatcheckError('cookie_too_large', {
    detail: `The Cookie header would have ${bytes} bytes, and may have ${budget}.`,
  })
}
