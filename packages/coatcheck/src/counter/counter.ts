import { DEFAULT_HEADER_BYTES } from '../cookies/chunks.ts'
import { sessionCookie } from '../cookies/session-cookie.ts'
import { problem } from '../core/answer.ts'
import { systemClock } from '../core/clock.ts'
import { CoatcheckError } from '../core/errors.ts'
import { andThen, type MaybePromise } from '../core/maybe-promise.ts'
import { systemRandom } from '../core/random.ts'
import type { RequestHead } from '../core/request-head.ts'
import { readDecidingHeaders } from '../core/request-head.ts'
import { createBoundTokens } from '../guard/bound-token.ts'
import { createGuard } from '../guard/judge.ts'
import { createLinks, type LinkOptions } from '../guard/links.ts'
import { createLogin } from '../login/login.ts'
import { prepareApp } from '../proxy/forward.ts'
import { prepareRoute } from '../proxy/route.ts'
import { guardStore } from '../sessions/guarded-store.ts'
import type { Session } from '../sessions/session.ts'
import type { ListedSession, SessionList } from '../sessions/session-list.ts'
import { memoryStore } from '../sessions/stores/memory.ts'
import { createAuthority } from './authority.ts'
import { createClientReader } from './client.ts'
import { createCookieBudget } from './cookie-budget.ts'
import { createEventHub, type EventListener } from './event-hub.ts'
import { createEventStreams } from './event-stream.ts'
import { createFetchSkin, headOfRequest } from './fetch-skin.ts'
import { createHandOffs } from './hand-offs.ts'
import { createHandle } from './handle.ts'
import { type CounterEvent, type CounterOptions, checkOptions } from './options.ts'
import type { Outcome } from './outcome.ts'
import { createBrowserSessions } from './session-kinds.ts'
import {
  type CounterLimit,
  type CounterSessionsOptions,
  keepsSessions,
  limitsOf,
} from './session-settings.ts'
import { createSharedWith } from './shared-with.ts'
import { createSignInForms, type SignInForm } from './sign-in-forms.ts'
import { createTidy } from './tidy.ts'

/** Where tokens are kept for browsers: signs in, keeps sessions, guards, calls APIs, signs out. */
export interface Counter {
  /** Decides a request, at once where the store answers at once. Bodies never enter; never throws or rejects. */
  handle(head: RequestHead): MaybePromise<Outcome>
  /** Decides a WebSocket handshake: to be joined with its upstream (`use` is `socket`), or an answer that refuses it. */
  upgrade(head: RequestHead): MaybePromise<Outcome>
  /** The same for web `Request` and `Response`; pages that are the app's own are answered by `pass`, else 404. */
  fetch(request: Request, pass?: (request: Request) => Promise<Response>): Promise<Response>
  /** Whose session a request of one's own handlers belongs to, and counts as activity; `undefined` when it may not use one. */
  session(request: RequestHead | Request): Promise<Session | undefined>
  /**
   * The `Set-Cookie` values that the answer to a request must carry so that its browser has the session that
   * `session` gave: for sessions that lie in cookies, and to be asked for after `session`. None for a ticket, nor for pages
   * that a skin hands on.
   */
  setCookies(session: Session): readonly string[]
  /**
   * A token for a plain HTML form: in its action as `?coatcheck-form=TOKEN`, or for one's own handlers in a hidden field.
   * Good as long as the session, in every tab; another one each time.
   */
  formToken(session: Session): string
  /**
   * For a sign-in form of one's own, which a browser without session posts: a token, and the cookie that it is bound to.
   * Keeps a foreign page from signing somebody in as somebody else.
   */
  signInForm(request: RequestHead | Request): SignInForm
  /** Whether a sign-in form came from a page of ours, in the browser that it was made for. */
  checkSignInForm(request: RequestHead | Request, token: string): boolean
  /** Whether a form's token was made for this session. */
  checkForm(session: Session, token: string): boolean
  /**
   * An API's address for what cannot send a header: a download, an image, a video, an EventSource. Good for this session,
   * for a minute and for one request, unless something else is said; it holds no token, and does not replace the cookie.
   */
  link(session: Session, target: string, options?: LinkOptions): string
  /** Removes sessions that are over, `limit` at most; gives back how many. */
  sweep(limit?: number): Promise<number>
  /** Calls `listener` at each event of a type. Gives back how to stop. Events hold no secret. */
  on<T extends CounterEvent['type']>(type: T, listener: EventListener<T>): () => void
  /** All sessions of a person (`sub`), newest first, for operators: since when, from where, how renewal fared. Rejects with `sessions_not_listed` where they lie in cookies. */
  listSessions(subject: string): Promise<readonly ListedSession[]>
  /**
   * Ends all sessions of a person, or the one of a short id; gives back how many. Refresh tokens stay valid at
   * the provider: only a ticket opens them.
   */
  endSessions(subject: string, selection?: { readonly session?: string }): Promise<number>
  /** Makes the store ready (tables, a check of its settings), so that faults show at start. Default: at the first request. */
  ready(): Promise<void>
  /** Ends event streams and stops listening to the store; sessions stay. */
  close(): Promise<void>
  readonly origin: string
  /** What this configuration cannot do; also told as `counter.limit` events when it is made. */
  readonly limits: readonly CounterLimit[]
}

/**
 * Makes a counter. Throws `invalid_configuration` with all faults at once.
 *
 * @example
 * const counter = createCounter({
 *   origin: 'https://app.example',
 *   provider: createProvider({ issuer: 'https://idp.example', clientId: 'app', clientSecret: new Secret('...') }),
 *   ring: createKeyRing(generateKeyRing()),
 *   sessions: { store: memoryStore() },
 *   apis: [{ path: '/api/', upstream: 'https://api.example/' }],
 * })
 */
export function createCounter(options: CounterOptions): Counter {
  checkOptions(options)
  const { origin, provider, ring } = options
  const { host } = new URL(origin)
  const clock = options.clock ?? systemClock
  const random = options.random ?? systemRandom
  const hub = createEventHub(options.onEvent)
  const onEvent = hub.emit
  const cookie = sessionCookie(origin, options.cookie ?? {})
  const { names, attributes } = cookie
  const { store: given, storeTimeoutSeconds = 3 } = options.sessions
  // Without a store, what is good for one use is so in this process: the provider's code is anywhere.
  const store = guardStore(given ?? memoryStore({ clock }), storeTimeoutSeconds * 1000)
  const handOffs = createHandOffs(options, { store, names, clock, random, onEvent })
  const onEnded = handOffs?.ties.sessionEnded
  const kept = { store, cookie, clock, random, onEvent, onEnded }
  const sessions = createBrowserSessions(options, kept)
  const offersToRemember = options.sessions.remembered !== undefined
  const streams = createEventStreams(sessions)
  const afterSignOut = options.signOut?.returnTo ?? '/'
  const login = createLogin({
    origin,
    provider,
    sessions,
    store,
    ring,
    names,
    scope: options.signIn?.scope ?? defaultScope(options.sessions),
    authorizationParameters: options.signIn?.parameters ?? {},
    offersToRemember,
    afterSignOut,
    sendIdTokenHint: options.signOut?.idTokenHint ?? true,
    clearSiteData: options.signOut?.clearSiteData ?? [],
    ties: handOffs?.ties,
    clock,
    random,
    onEvent,
  })
  const judge = createGuard({ origin, allowedOrigins: options.allowedOrigins ?? [] })
  const forms = createBoundTokens(ring, { site: origin, purpose: 'form' }, random)
  const signInForms = createSignInForms({
    cookieName: `${names.transactionPrefix}form`,
    tokens: createBoundTokens(ring, { site: origin, purpose: 'sign-in-form' }, random),
    judge,
    random,
  })
  const links = createLinks({
    tokens: createBoundTokens(ring, { site: origin, purpose: 'link' }, random),
    clock,
    claim: (key, expiresAt, max) => store.claim(key, expiresAt, max),
  })
  const authority = createAuthority({ sessions, judge, onEvent })
  const handle = createHandle({
    origin,
    strict: attributes.sameSite === 'Strict',
    protectedPages: options.pages?.protected ?? [],
    // The longest first: `/api/` must not swallow what `/api/admin/` allows less of.
    routes: (options.apis ?? [])
      .map(prepareRoute)
      .toSorted((one, other) => other.path.length - one.path.length),
    ...(options.app === undefined ? {} : { app: prepareApp(options.app) }),
    ownCookies: names.ours,
    readClient: createClientReader(
      options.trustedProxyHops ?? 0,
      options.forwardedBy ?? 'x-forwarded',
    ),
    authority,
    provider,
    sessions,
    store,
    login,
    handOff: handOffs?.serve(sessions, login),
    streams,
    afterSignOut,
    offersToRemember,
    forms,
    links,
    sharedWith: createSharedWith(options),
    clock,
    onEvent,
    budget: createCookieBudget(
      options.cookie?.headerBudgetBytes ?? DEFAULT_HEADER_BYTES,
      clock,
      onEvent,
    ),
    tidy: createTidy({ sweep }, clock, onEvent),
  })

  function read(request: RequestHead | Request) {
    const head = 'target' in request ? request : headOfRequest(origin, request)
    return { head, headers: readDecidingHeaders(head.headers) }
  }

  // A store without sessions still keeps one-time codes.
  async function sweep(limit: number): Promise<number> {
    if (keepsSessions(options.sessions)) return sessions.sweep(limit)
    await store.sweep(limit)
    return 0
  }

  function listed(): SessionList {
    if (sessions.list !== undefined) return sessions.list
    throw new CoatcheckError('sessions_not_listed')
  }

  const limits = limitsOf(options.sessions, options.cookie ?? {})
  for (const limit of limits) onEvent({ type: 'counter.limit', ...limit })
  return {
    origin,
    limits,
    handle,
    upgrade: (head) => andThen(handle(head), onlySocket),
    fetch: createFetchSkin(origin, handle),
    session: async (request) => {
      const { head, headers } = read(request)
      if (headers.host?.toLowerCase() !== host) return undefined
      const reading = await authority.ownHandler(head.method, headers)
      return reading.ok ? sessions.touch(reading.session) : undefined
    },
    setCookies: sessions.setCookies,
    formToken: (session) => forms.make(session.id),
    signInForm: (request) => signInForms.make(read(request).headers),
    checkSignInForm: (request, token) => signInForms.check(read(request).headers, token),
    checkForm: (session, token) => forms.check(token, session.id),
    link: (session, target, link) => links.make(session.id, target, link),
    sweep: (limit = 1000) => sweep(limit),
    on: hub.on,
    listSessions: async (subject) => listed().list(subject),
    endSessions: async (subject, { session: only } = {}) =>
      listed().endAll(subject, 'ended_by_operator', only === undefined ? {} : { only }),
    ready: async () => {
      await store.prepare?.()
    },
    close: async () => {
      streams.close()
      await sessions.close()
      await handOffs?.ties.settle()
    },
  }
}

// Who does not keep refresh tokens asks for none.
function defaultScope(settings: CounterSessionsOptions): string {
  const isRenewed = settings.kind !== 'sealed-cookie' || settings.refreshTokens === 'single-process'
  return isRenewed ? 'openid profile email offline_access' : 'openid profile email'
}

// A page or an API call that asks for an upgrade where none is listed gets no connection of its own.
function onlySocket(outcome: Outcome): Outcome {
  if (outcome.kind === 'respond') return outcome
  const isSocket = outcome.kind === 'forward' && outcome.forward.use === 'socket'
  return isSocket ? outcome : { kind: 'respond', answer: problem('route_unknown') }
}
