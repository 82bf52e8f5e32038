import { type CookieAttributes, deleteCookie } from '../cookies/serialize.ts'
import type { Clock } from '../core/clock.ts'
import { andThen, type MaybePromise } from '../core/maybe-promise.ts'
import type { Brought } from './brought-cookies.ts'
import type { SetSession } from './browser-sessions.ts'
import type { SessionContents } from './contents.ts'
import type { SessionEvent } from './events.ts'
import type { Lifetimes } from './lifetimes.ts'
import type { MovedSessions } from './moved-sessions.ts'
import { saysSame } from './same-state.ts'
import type { OpenedCookie, SealedCookie, SealedCookies, SealingOptions } from './sealed-cookie.ts'
import { createSession, type Session, type SessionState, shortIdOf } from './session.ts'

/** What {@link createSuccession} needs. */
export interface SuccessionOptions {
  readonly cookies: SealedCookies
  readonly name: string
  readonly attributes: CookieAttributes
  /** How long the cookie of a remembered session is kept. */
  readonly rememberSeconds: number | undefined
  readonly lifetimes: Lifetimes
  readonly clock: Clock
  /** Where sessions go that are too large. */
  readonly moved: MovedSessions | undefined
  readonly onEvent: (event: SessionEvent) => void
}

/** From the session that a browser has to the one that it gets. */
export interface Succession {
  /** Seals a state for the browser that sent a request. */
  seal(
    state: Pick<SessionState, 'id' | 'contents'>,
    request: OpenedCookie,
    options?: Pick<SealingOptions, 'replaces'>,
  ): SealedCookie
  /**
   * What follows on a request's session; where nothing would fit, the state as it is and no cookie. `undefined` when it
   * went into a store and ended there.
   */
  succeed(brought: Brought, state: SessionState): MaybePromise<Session | undefined>
  /** What a session that went into a store is there; `undefined` when it ended. */
  follow(brought: Brought, state: SessionState): MaybePromise<Session | undefined>
  /** What was to be set for one session is to be set for what became of it. */
  handOn(from: Session, to: Session | undefined): Session | undefined
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
  const { cookies, name, attributes, lifetimes, clock, moved, onEvent } = options
  const broughtBy = new WeakMap<Session, Brought>()
  const toSet = new WeakMap<Session, readonly string[]>()

  function seal(
    { id, contents }: Pick<SessionState, 'id' | 'contents'>,
    request: OpenedCookie,
    { replaces = false }: Pick<SealingOptions, 'replaces'> = {},
  ): SealedCookie {
    const maxAgeSeconds = maxAgeOf(contents)
    const sealed = cookies.seal({ id, ...contents }, request, {
      replaces,
      ...(maxAgeSeconds === undefined ? {} : { maxAgeSeconds }),
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

  function succeed(brought: Brought, state: SessionState): MaybePromise<Session | undefined> {
    const { contents } = state
    const { successor } = brought
    const lifetime = lifetimes.of(contents)
    const isFresh =
      successor !== undefined &&
      saysSame(successor.contents, contents) &&
      clock() - successor.at < lifetime.idleMs / 10
    if (isFresh) return successor.session
    if (isStillTooLarge(brought, contents)) return instead(brought, state)
    const sealed = seal(state, brought.request)
    if (!sealed.ok) {
      brought.tooLarge = { contents, headerBytes: brought.request.sizes.total }
      return instead(brought, state)
    }
    const { sealedAt, setCookies } = sealed
    const session = createSession({ ...state, lastSeenAt: sealedAt }, lifetime)
    broughtBy.set(session, brought)
    toSet.set(session, setCookies)
    brought.successor = { session, contents, at: sealedAt }
    return session
  }

  function isStillTooLarge({ tooLarge, request }: Brought, contents: SessionContents): boolean {
    return (
      tooLarge !== undefined &&
      saysSame(tooLarge.contents, contents) &&
      request.sizes.total >= tooLarge.headerBytes
    )
  }

  function instead(brought: Brought, state: SessionState): MaybePromise<Session | undefined> {
    return moved === undefined ? sessionOf(brought, state) : follow(brought, state)
  }

  function follow(brought: Brought, state: SessionState): MaybePromise<Session | undefined> {
    return andThen(moved?.move(state), (set) => {
      if (set === undefined) return undefined
      toSet.set(set.session, moveCookies(set, brought.request))
      return set.session
    })
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
    follow,
    handOn: (from, to) => {
      const setCookies = toSet.get(from)
      if (to !== undefined && setCookies !== undefined) toSet.set(to, setCookies)
      return to
    },
    sessionOf,
    broughtBy: (session) => broughtBy.get(session),
    setCookies: (session) => toSet.get(session) ?? NO_COOKIES,
    moveCookies,
  }
}
