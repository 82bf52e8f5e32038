import { isLoopbackHost } from '../cookies/names.ts'
import { MAX_PAIR_BYTES } from '../cookies/serialize.ts'
import { type SessionCookieOptions, sessionCookieFaults } from '../cookies/session-cookie.ts'
import type { Clock } from '../core/clock.ts'
import type { ErrorCode } from '../core/error-codes.ts'
import { CoatcheckError } from '../core/errors.ts'
import type { RandomSource } from '../core/random.ts'
import { allowInsecureHttp } from '../core/unsafe.ts'
import type { CorsOptions } from '../guard/cors.ts'
import { isSameSite } from '../guard/same-site.ts'
import type { HandOffEvent } from '../login/hand-off.ts'
import { type HandOffOptions, handOffFaults } from '../login/hand-off-options.ts'
import type { HandOffTieEvent } from '../login/hand-off-ties.ts'
import type { LoginEvent } from '../login/login.ts'
import { readReturnAddress } from '../login/return-address.ts'
import type { Provider } from '../provider/provider.ts'
import type { ApiRoute, AppRoute } from '../proxy/route.ts'
import type { KeyRing } from '../ring/key-ring.ts'
import type { SessionEvent } from '../sessions/events.ts'
import { lifetimeFaults } from '../sessions/lifetimes.ts'
import type { ForwardedBy } from './client.ts'
import {
  type CounterLimit,
  type CounterSessionsOptions,
  sessionKindFaults,
} from './session-settings.ts'

/** What a counter is made of. */
export interface CounterOptions {
  /** Where browsers find this site, exactly: `https://app.example`. Every other Host is refused. */
  readonly origin: string
  /** From `createProvider`. */
  readonly provider: Provider
  /** From `createKeyRing`. */
  readonly ring: KeyRing
  readonly sessions: CounterSessionsOptions
  readonly cookie?: SessionCookieOptions
  /**
   * Pages of other origins of this site that may call our APIs and addresses, each exact:
   * `https://www.example.com`. Default: none.
   */
  readonly allowedOrigins?: readonly string[]
  /** What such calls may send and read. Default: what scripts usually send. */
  readonly cors?: CorsOptions
  readonly pages?: {
    /** Patterns of pages that only a signed-in person sees: exact, or everything below with `/*`. Default: none. */
    readonly protected?: readonly string[]
  }
  /** The APIs behind the proxy. Default: none. */
  readonly apis?: readonly ApiRoute[]
  /** An app whose pages lie behind us. Default: none; pages are the caller's to answer. */
  readonly app?: AppRoute
  readonly signIn?: {
    /** Default: `openid profile email offline_access`; where refresh tokens are not kept, without the last. */
    readonly scope?: string
    /** Further parameters of the authorization request: `resource`, `audience`, `acr_values`, ... Default: none. */
    readonly parameters?: Readonly<Record<string, string>>
  }
  readonly signOut?: {
    /** Path to come back to. Default: `/`. */
    readonly returnTo?: string
    /**
     * What a browser is told to throw away at sign-out besides our cookies. `storage` takes the app's own settings too.
     * `cookies` is not to be had: it would sign out every other host of the domain. Default: nothing.
     */
    readonly clearSiteData?: readonly ('cache' | 'storage')[]
    /** Whether the ID token goes along as `id_token_hint`: the one token that ever stands in an address. Default: true. */
    readonly idTokenHint?: boolean
  }
  /** Sites on other domains that share their signed-in people with this one. Default: none. */
  readonly handOff?: HandOffOptions
  /** How many proxies of ours stand in front, and say who sent a request and over which scheme. Default: 0, nobody is believed. */
  readonly trustedProxyHops?: number
  /** In which header they say so: X-Forwarded-For and X-Forwarded-Proto, or Forwarded (RFC 7239). Default: `x-forwarded`. */
  readonly forwardedBy?: ForwardedBy
  /** Milliseconds since 1970. Default: the machine's clock. */
  readonly clock?: Clock
  /** Default: the platform's secure source. */
  readonly random?: RandomSource
  /** Is told what happens, without any secret. Default: nobody. */
  readonly onEvent?: (event: CounterEvent) => void
  /** Allows plain http beyond loopback. */
  readonly [allowInsecureHttp]?: boolean
}

/** What a counter tells a log. */
export type CounterEvent =
  | SessionEvent
  | LoginEvent
  | HandOffEvent
  | HandOffTieEvent
  | { readonly type: 'guard.refused'; readonly rule: string; readonly seen: string }
  | { readonly type: 'cookie.refused'; readonly reason: string }
  /** With what was just set, a browser's Cookie header has more than three quarters of the bytes that it may. */
  | { readonly type: 'cookies.near_limit'; readonly bytes: number; readonly budget: number }
  /** Said at start: what this configuration cannot do. */
  | ({ readonly type: 'counter.limit' } & CounterLimit)
  | { readonly type: 'sweep.failed'; readonly code: ErrorCode }
  /** A listener of `counter.on` threw. */
  | { readonly type: 'listener.failed'; readonly event: string }

/**
 * Checks all options at once. Throws `invalid_configuration` with a line for each fault: path, value and
 * remedy.
 */
export function checkOptions(options: CounterOptions): void {
  const origins = originFaults(options)
  const { cookie = {}, sessions } = options
  const faults = [
    ...origins,
    ...sessionFaults(options),
    ...(origins.length > 0
      ? []
      : sessionCookieFaults(options.origin, cookie, sessions.absoluteSeconds ?? 43_200)),
    ...routeFaults(options),
    ...(origins.length > 0 ? [] : allowedOriginFaults(options)),
    ...(options.handOff === undefined
      ? []
      : handOffFaults(options, options.handOff, sessions.kind !== 'sealed-cookie')),
  ]
  const hops = options.trustedProxyHops ?? 0
  if (!Number.isInteger(hops) || hops < 0 || hops > 10) {
    faults.push(`trustedProxyHops (${hops}) must be a whole number from 0 to 10`)
  }
  const { forwardedBy = 'x-forwarded' } = options
  if (forwardedBy !== 'x-forwarded' && forwardedBy !== 'forwarded') {
    faults.push(`forwardedBy (${String(forwardedBy)}) must be x-forwarded or forwarded`)
  }
  if (faults.length > 0) {
    throw new CoatcheckError('invalid_configuration', { detail: `\n- ${faults.join('\n- ')}\n` })
  }
}

function originFaults(options: CounterOptions): string[] {
  const url = parseUrl(options.origin)
  if (url === undefined || url.origin !== options.origin || !/^https?:$/.test(url.protocol)) {
    return [
      `origin (${options.origin}) must be scheme, host and perhaps port, nothing else: https://app.example`,
    ]
  }
  const insecure = url.protocol === 'http:' && !isLoopbackHost(url.hostname)
  if (insecure && options[allowInsecureHttp] !== true) {
    return [`origin (${options.origin}) must be https: browsers drop Secure cookies over http`]
  }
  return []
}

function sessionFaults(options: CounterOptions): string[] {
  const { sessions } = options
  const { storeTimeoutSeconds = 3 } = sessions
  const cacheSeconds = sessions.kind === 'sealed-cookie' ? 0 : (sessions.cacheSeconds ?? 0)
  const faults = [
    ...lifetimeFaults(sessions),
    ...sessionKindFaults(sessions, options.signIn?.scope),
    ...budgetFaults(options),
  ]
  if (!(cacheSeconds >= 0 && cacheSeconds <= 60)) {
    faults.push(`sessions.cacheSeconds (${cacheSeconds}) must lie between 0 and 60`)
  }
  if (!(storeTimeoutSeconds > 0 && storeTimeoutSeconds <= 20)) {
    faults.push(`sessions.storeTimeoutSeconds (${storeTimeoutSeconds}) must lie between 0 and 20`)
  }
  return faults
}

function allowedOriginFaults({
  origin,
  allowedOrigins = [],
  cookie = {},
}: CounterOptions): string[] {
  const isForeign = cookie.sameSite === 'none' || cookie.embedded === true
  return allowedOrigins.flatMap((allowed, index) => {
    const at = `allowedOrigins[${index}] (${allowed})`
    const url = parseUrl(allowed)
    const isOrigin = url?.origin === allowed && /^https?:$/.test(url.protocol)
    if (!isOrigin || allowed.includes('*')) {
      return [`${at} must be scheme, host and perhaps port, nothing else, and no pattern`]
    }
    if (allowed === origin) return [`${at} is this site itself: remove it`]
    if (isForeign || isSameSite(origin, allowed)) return []
    return [
      `${at} is another site than ${origin}: browsers send no Strict or Lax cookie with its calls, so none can ever work. Serve it from the same domain, or hand the session over`,
    ]
  })
}

// The cookie of a usual session has two to four thousand bytes.
function budgetFaults({ sessions, cookie }: CounterOptions): readonly string[] {
  const budget = cookie?.headerBudgetBytes ?? MAX_PAIR_BYTES
  if (sessions.kind !== 'sealed-cookie' || !(budget < MAX_PAIR_BYTES)) return []
  return [
    `cookie.headerBudgetBytes (${budget}) must be at least ${MAX_PAIR_BYTES} for sessions in cookies: few would fit`,
  ]
}

function routeFaults(options: CounterOptions): string[] {
  const faults: string[] = []
  const seen = new Set<string>()
  for (const [index, route] of (options.apis ?? []).entries()) {
    const at = `apis[${index}]`
    if (!/^\/(?:[\w.~-]+\/)+$/.test(route.path) || route.path.startsWith('/auth/')) {
      faults.push(
        `${at}.path (${route.path}) must begin and end with a slash and not be /auth/: /api/`,
      )
    }
    if (seen.has(route.path)) faults.push(`${at}.path (${route.path}) stands twice: remove one`)
    seen.add(route.path)
    faults.push(...upstreamFaults(at, route, options[allowInsecureHttp] === true))
    for (const key of ['downloads', 'events', 'sockets'] as const) {
      for (const pattern of route[key] ?? []) {
        if (!pattern.startsWith(route.path)) {
          faults.push(`${at}.${key} (${pattern}) must begin with ${route.path}`)
        } else faults.push(...patternFaults(`${at}.${key}`, pattern))
      }
    }
  }
  for (const [index, pattern] of (options.pages?.protected ?? []).entries()) {
    faults.push(...patternFaults(`pages.protected[${index}]`, pattern))
  }
  for (const what of options.signOut?.clearSiteData ?? []) {
    if (what === 'cache' || what === 'storage') continue
    faults.push(
      `signOut.clearSiteData (${String(what)}) must be cache or storage: cookies would sign out every host of the domain`,
    )
  }
  const home = options.signOut?.returnTo ?? '/'
  if (readReturnAddress('https://site.invalid', home) === undefined) {
    faults.push(`signOut.returnTo (${home}) must be a path of this site: /`)
  }
  if (options.app !== undefined) {
    faults.push(...upstreamFaults('app', options.app, true))
  }
  return faults
}

// A pattern that can never match would protect nothing, without a word.
function patternFaults(at: string, pattern: string): string[] {
  if (/^\/(?:[^*%?#\\\p{Cc}]*\/)?(?:\*|[^*%?#\\\p{Cc}]*)$/u.test(pattern)) {
    if (!pattern.includes('//') && !/\/\.{1,2}(?:\/|$)/.test(pattern)) return []
  }
  return [
    `${at} (${pattern}) must be a plain path, decoded, perhaps with /* at the end: /account/*`,
  ]
}

function upstreamFaults(at: string, route: AppRoute, insecure: boolean): string[] {
  const url = parseUrl(route.upstream)
  if (
    url === undefined ||
    !/^https?:$/.test(url.protocol) ||
    url.search !== '' ||
    url.hash !== '' ||
    url.username !== ''
  ) {
    return [
      `${at}.upstream (not shown) must be an http or https address without user, query and fragment`,
    ]
  }
  if (!url.pathname.endsWith('/')) return [`${at}.upstream (${url.href}) must end with a slash`]
  if (url.protocol === 'http:' && !isLoopbackHost(url.hostname) && !insecure) {
    return [`${at}.upstream (${url.href}) must be https: it receives access tokens`]
  }
  return []
}

function parseUrl(value: string): URL | undefined {
  try {
    return new URL(value)
  } catch {
    return undefined
  }
}
