import type { SessionCookieOptions } from '../cookies/session-cookie.ts'
import type { LifetimeOptions } from '../sessions/lifetimes.ts'
import type { SessionStore } from '../sessions/session-store.ts'

/** Where sessions live and how long. */
export type CounterSessionsOptions = TicketSettings | SealedCookieSettings

/** How long sessions last and how their tokens are renewed, wherever they live. */
export interface SessionSettings {
  /** A session ends so long after its last request. Default: 1800. */
  readonly idleSeconds?: number
  /** A session ends so long after sign-in, whatever happens. Default: 43200. */
  readonly absoluteSeconds?: number
  /**
   * Lets a person choose to stay signed in on a device: the sign-in page offers it, `/auth/sign-in?remember=1` asks
   * for it. Such a session has these lifetimes, and a cookie that outlives the browser. Default: not offered.
   */
  readonly remembered?: LifetimeOptions
  /** How long before its end an access token is renewed. Default: see `createSessions`. */
  readonly renewBeforeSeconds?: number
  /** How long the store may take to answer before a request is answered 503. Default: 3. */
  readonly storeTimeoutSeconds?: number
  /** What the renewal history calls this process. Default: eight random characters. */
  readonly processName?: string
}

/** Sessions in a store; the browser has a ticket. */
export interface TicketSettings extends SessionSettings {
  /** Default: `ticket`. */
  readonly kind?: 'ticket'
  readonly store: SessionStore
  /**
   * For how many seconds a session that was read is used without asking the store again: what ended in another
   * process may live on here so long, unless the store notifies. Default: 0, the store is asked at each request.
   */
  readonly cacheSeconds?: number
}

/**
 * Sessions in the browser's cookies, sealed; no store. They cannot be listed, nor ended from elsewhere, and a copy of the
 * cookie opens until its end. Answers set them anew now and then: whoever answers pages of their own passes
 * `counter.setCookies(session)` on.
 */
export interface SealedCookieSettings extends SessionSettings {
  readonly kind: 'sealed-cookie'
  /**
   * Whether sessions keep refresh tokens. `single-process` says that one process serves this site: several would each
   * spend the same refresh token, and the provider would revoke the grant. Default: `none`: `offline_access` is not
   * asked for, and an API call answers 401 `access_token_expired` when the access token is over.
   */
  readonly refreshTokens?: 'none' | 'single-process'
  /** What becomes of a session that does not fit: sign-in fails, or it goes into `store`. Default: `store` where there is one. */
  readonly overflow?: 'error' | 'store'
  /** For what does not fit, and for one-time codes of sign-ins over processes. Default: none. */
  readonly store?: SessionStore
  /** When claims are deflated before they are sealed. Default: `to_save_a_cookie`. */
  readonly deflate?: 'never' | 'to_save_a_cookie' | 'always'
}

/** What a counter cannot do the way it is configured. */
export interface CounterLimit {
  readonly limit:
    | 'no_sign_out_everywhere'
    | 'copies_outlive_sign_out'
    | 'single_process'
    | 'sent_by_foreign_pages'
  /** In a sentence. */
  readonly detail: string
}

/** The words for it: said at start, so that nobody finds out later. */
export function limitsOf(
  settings: CounterSessionsOptions,
  { sameSite }: SessionCookieOptions,
): readonly CounterLimit[] {
  const limits: CounterLimit[] = []
  if (sameSite === 'none') {
    limits.push({
      limit: 'sent_by_foreign_pages',
      detail:
        'cookie.sameSite is none: whatever page is open in the browser sends the cookie along, and the guard alone stands. An app in foreign frames says cookie.embedded instead.',
    })
  }
  return settings.kind === 'sealed-cookie' ? [...limits, ...limitsInCookies(settings)] : limits
}

function limitsInCookies(settings: SealedCookieSettings): readonly CounterLimit[] {
  const limits: CounterLimit[] = [
    {
      limit: 'no_sign_out_everywhere',
      detail:
        'Sessions lie in cookies: they are not listed, and neither sign-out everywhere nor back-channel logout reaches them. Keep them in a store (kind: ticket) if that matters.',
    },
    {
      limit: 'copies_outlive_sign_out',
      detail:
        'A copy of the cookie opens until the session would have ended, also after sign-out, in every process but the one that signed out. At sign-out its tokens are revoked at the provider.',
    },
  ]
  if (settings.refreshTokens !== 'single-process') return limits
  return [
    ...limits,
    {
      limit: 'single_process',
      detail:
        'Refresh tokens lie in cookies: one process alone may serve this site. A second one, or a restart in the middle of a renewal, can cost sessions their grant.',
    },
  ]
}

/** What is wrong with how sessions are kept, a line each. */
export function sessionKindFaults(
  settings: CounterSessionsOptions,
  scope: string | undefined,
): readonly string[] {
  if (settings.kind === undefined || settings.kind === 'ticket') {
    const missing = 'sessions.store is missing: memoryStore() for a start'
    return [...(settings.store === undefined ? [missing] : []), ...misplaced(settings, FOR_COOKIES)]
  }
  if (settings.kind !== 'sealed-cookie') {
    const { kind } = settings as { readonly kind: unknown }
    return [`sessions.kind (${String(kind)}) must be ticket or sealed-cookie`]
  }
  const { refreshTokens = 'none', overflow, store } = settings
  const faults = [...misplaced(settings, FOR_TICKETS), ...wordFaults(settings)]
  if (refreshTokens === 'none' && scope?.split(' ').includes('offline_access')) {
    faults.push(
      'signIn.scope (offline_access) asks for refresh tokens, and several processes that renew what lies in cookies would each spend the same one: leave it out, keep sessions in a store (kind: ticket), or say sessions.refreshTokens: single-process if there is only one',
    )
  }
  if (overflow === 'store' && store === undefined) {
    faults.push('sessions.overflow (store) needs sessions.store')
  }
  if (refreshTokens === 'single-process' && overflowOf(settings) === 'store') {
    faults.push(
      'sessions.refreshTokens (single-process) cannot go with sessions.overflow (store): whoever has a store uses kind: ticket',
    )
  }
  return faults
}

const FOR_COOKIES = ['refreshTokens', 'overflow', 'deflate']
const FOR_TICKETS = ['cacheSeconds']
const WORDS: Readonly<Record<string, readonly string[]>> = {
  refreshTokens: ['none', 'single-process'],
  overflow: ['error', 'store'],
  deflate: ['never', 'to_save_a_cookie', 'always'],
}

function misplaced(settings: object, names: readonly string[]): readonly string[] {
  const found = Object.entries(settings).filter(
    ([name, value]) => names.includes(name) && value !== undefined,
  )
  const kind = names === FOR_COOKIES ? 'sealed-cookie' : 'ticket'
  return found.map(([name]) => `sessions.${name} goes with sessions.kind: ${kind} only: remove it`)
}

// A word that nobody knows would count as the default, without a word.
function wordFaults(settings: object): readonly string[] {
  return Object.entries(settings)
    .filter(([name, value]) => value !== undefined && WORDS[name]?.includes(value) === false)
    .map(
      ([name, value]) => `sessions.${name} (${String(value)}) must be ${WORDS[name]?.join(' or ')}`,
    )
}

/** Whether any session lies in the store. */
export function keepsSessions(settings: CounterSessionsOptions): boolean {
  return settings.kind !== 'sealed-cookie' || overflowOf(settings) === 'store'
}

/** What becomes of a session that does not fit. */
export function overflowOf({ overflow, store }: SealedCookieSettings): 'error' | 'store' {
  return overflow ?? (store === undefined ? 'error' : 'store')
}
