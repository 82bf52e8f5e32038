import { type CookieAttributes, deleteCookie } from '../cookies/serialize.ts'
import type { Clock } from '../core/clock.ts'
import type { MaybePromise } from '../core/maybe-promise.ts'
import type { Brought } from './brought-cookies.ts'
import type { SetSession } from './browser-sessions.ts'
import type { SessionContents } from './contents.ts'
import type { SessionEvent } from './events.ts'
import type { Lifetimes } from './lifetimes.ts'
import type { OpenedCookie, SealedCookie, SealedCookies } from './sealed-cookie.ts'
import { createSession, type Session, type SessionState, shortIdOf } from './session.ts'
import type { TicketSessions } from './ticket-sessions.ts'

/** What {@link createSuccession} needs. */
export interface SuccessionOptions {
  readonly cookies: SealedCookies
  readonly name: string
  readonly attributes: CookieAttributes
  /** How long the cookie of a remembered session is kept. */
  readonly rememberSeconds: number | undefined
  readonly lifetimes: Lifetimes
  readonly clock: Clock
  /** When the tokens of a session were last renewed here. */
  readonly renewedAt: (id: string) => number | undefined
  /** Where sessions go that are too large. */
  readonly tickets: TicketSessions | undefined
  /** A session lies in the store from now on, as another one. */
  readonly onMoved: (from: SessionState, to: Session) => void
  readonly onEvent: (event: SessionEvent) => void
}

/** From the session that a browser has to the one that it gets. */
export interface Succession {
  /** Seals a state for the browser that sent a request. */
  seal(state: Pick<SessionState, 'id' | 'contents'>, request: OpenedCookie): SealedCookie
  /** What follows on a request's session; where nothing would fit, the state as it is and no cookie. */
  succeed(brought: Brought, state: SessionState): MaybePromise<Session>
  /** A session of what a request brought. */
  sessionOf(brought: Brought, state: SessionState): Session
  /** What a request brought for this session. */
  broughtBy(session: Session): Brought | undefined
  /** What the answer must set. */
  setCookies(session: Session): readonly string[]
  /** What sets a session of the store in the place of one in cookies. */
  moveCookies(set: SetSession, request: OpenedCookie): readonly string[]
}

const NO_COOKIES: readonly string[] = []

/** Successors are made once for each set of cookies and process, however many requests come with them at once. */
export function createSuccession(options: SuccessionOptions): Succession {
  const { cookies, name, attributes, lifetimes, clock, tickets, onEvent } = options
  const broughtBy = new WeakMap<Session, Brought>()
  const toSet = new WeakMap<Session, readonly string[]>()

  function seal(state: Pick<SessionState, 'id' | 'contents'>, request: OpenedCookie): SealedCookie {
    const { id, contents } = state
    const maxAgeSeconds = maxAgeOf(contents)
    const after = options.renewedAt(id)
    const sealed = cookies.seal({ id, ...contents }, request, {
      ...(maxAgeSeconds === undefined ? {} : { maxAgeSeconds }),
      ...(after === undefined ? {} : { after }),
    })
    if (sealed.ok) return sealed
    const { bytes, budget } = sealed
    onEvent({ type: 'session.too_large', session: shortIdOf(id), bytes, budget })
    return sealed
  }

  // Counted from sign-in, whenever it is set.
  function maxAgeOf({ remembered, createdAt }: SessionContents): number | undefined {
    const { maxAgeSeconds } = attributes
    const seconds = remembered === true ? (options.rememberSeconds ?? maxAgeSeconds) : maxAgeSeconds
    if (seconds === undefined) return undefined
    return Math.max(1, Math.ceil((createdAt - clock()) / 1000 + seconds))
  }

  function succeed(brought: Brought, state: SessionState): MaybePromise<Session> {
    const { successor, moving } = brought
    if (moving !== undefined) return moving
    const lifetime = lifetimes.of(state.contents)
    const isFresh =
      successor?.version === state.version && clock() - successor.at < lifetime.idleMs / 10
    if (isFresh) return successor.session
    const { total } = brought.request.sizes
    if (total >= (brought.tooLargeAt ?? Number.POSITIVE_INFINITY)) return sessionOf(brought, state)
    const sealed = seal(state, brought.request)
    if (!sealed.ok) return tooLarge(brought, state)
    const { sealedAt, setCookies } = sealed
    const session = createSession({ ...state, lastSeenAt: sealedAt }, lifetime)
    broughtBy.set(session, brought)
    toSet.set(session, setCookies)
    brought.successor = { session, version: state.version, at: sealedAt }
    return session
  }

  function tooLarge(brought: Brought, state: SessionState): MaybePromise<Session> {
    if (tickets !== undefined) {
      brought.moving = move(tickets, brought, state)
      // A store that was down is asked again by the next request.
      brought.moving.catch(() => delete brought.moving)
      return brought.moving
    }
    brought.tooLargeAt = brought.request.sizes.total
    return sessionOf(brought, state)
  }

  async function move(
    into: TicketSessions,
    brought: Brought,
    state: SessionState,
  ): Promise<Session> {
    const moved = await into.adopt(state.contents)
    const { session } = moved
    toSet.set(session, moveCookies(moved, brought.request))
    options.onMoved(state, session)
    onEvent({ type: 'session.moved', session: shortIdOf(state.id), to: session.shortId })
    return session
  }

  function moveCookies({ setCookies }: SetSession, { names }: OpenedCookie): readonly string[] {
    const chunks = names.filter((each) => each !== name)
    return [...setCookies, ...chunks.map((each) => deleteCookie(each, attributes))]
  }

  function sessionOf(brought: Brought, state: SessionState): Session {
    if (state === brought.state && brought.session !== undefined) return brought.session
    const session = createSession(state, lifetimes.of(state.contents))
    broughtBy.set(session, brought)
    if (state === brought.state) brought.session = session
    return session
  }

  return {
    seal,
    succeed,
    sessionOf,
    broughtBy: (session) => broughtBy.get(session),
    setCookies: (session) => toSet.get(session) ?? NO_COOKIES,
    moveCookies,
  }
}
