import { type CookieNames, cookieNames, isLoopbackHost } from './names.ts'
import type { CookieAttributes } from './serialize.ts'

/** How the cookie of a session is set. */
export interface SessionCookieOptions {
  /** What it is called behind its prefix: letters, digits, hyphens. Default: `coatcheck`. */
  readonly name?: string
  /** A parent domain whose hosts shall share the session, all of them. Default: this host alone. */
  readonly domain?: string
  /** `strict` needs a hop after a foreign link; `lax` does not, and lets foreign links act as the user; `none` lets foreign pages send it. Default: `strict`. */
  readonly sameSite?: 'strict' | 'lax' | 'none'
  /** How long the browser keeps it: until it closes, or so long after sign-in. Default: `browser`. */
  readonly lifetime?: 'browser' | { readonly maxAgeSeconds: number }
  /** Where on this host it is sent: our own addresses lie below `/auth/`, so everywhere. Default: `/`. */
  readonly path?: '/'
  /** What a browser's Cookie header may measure, all cookies of this site together. Default: 8192, below the limits of common proxies. */
  readonly headerBudgetBytes?: number
  /** For an app in a foreign site's frame: SameSite=None and a jar of its own under each top-level site. Default: false. */
  readonly embedded?: boolean
}

/** The cookie of a session. */
export interface SessionCookie {
  readonly names: CookieNames
  readonly attributes: CookieAttributes
}

const SAME_SITE = { strict: 'Strict', lax: 'Lax', none: 'None' } as const
/** Browsers keep no cookie longer. */
const MAX_AGE_SECONDS = 400 * 86_400

/**
 * The names and attributes of a session's cookie; nothing is left to a browser's default.
 *
 * @see RFC 6265bis, sections 4.1.2, 4.1.3 and 5.6; CHIPS
 * @example
 * sessionCookie('https://app.example', {}).attributes // Path=/; Secure; HttpOnly; SameSite=Strict
 */
export function sessionCookie(origin: string, options: SessionCookieOptions): SessionCookie {
  const { name, domain, lifetime = 'browser', embedded = false } = options
  const sameSite = embedded ? 'none' : (options.sameSite ?? 'strict')
  return {
    names: cookieNames(origin, { name, scope: domain === undefined ? 'host' : 'domain' }),
    attributes: {
      secure: true,
      httpOnly: true,
      sameSite: SAME_SITE[sameSite],
      path: '/',
      ...(domain === undefined ? {} : { domain }),
      ...(lifetime === 'browser' ? {} : { maxAgeSeconds: lifetime.maxAgeSeconds }),
      ...(embedded ? { partitioned: true } : {}),
    },
  }
}

/** What is wrong with the options, a line each; and with their combination. */
export function sessionCookieFaults(
  origin: string,
  options: SessionCookieOptions,
  absoluteSeconds: number,
): readonly string[] {
  const { name, domain, sameSite, lifetime, embedded, path, headerBudgetBytes = 8192 } = options
  const faults: string[] = []
  if (path !== undefined && path !== '/') {
    faults.push(
      `cookie.path (${String(path)}) must be /: sign-in and sign-out at /auth/ need the cookie as well`,
    )
  }
  const isBudget = Number.isInteger(headerBudgetBytes) && headerBudgetBytes >= 1024
  if (!isBudget || headerBudgetBytes > 65_536) {
    faults.push(`cookie.headerBudgetBytes (${headerBudgetBytes}) must be whole, from 1024 to 65536`)
  }
  if (name !== undefined && !/^[A-Za-z0-9][A-Za-z0-9-]{0,62}$/.test(name)) {
    faults.push(`cookie.name (${name}) must be letters, digits and hyphens, the prefix left out`)
  }
  if (domain !== undefined) faults.push(...domainFaults(origin, domain))
  if (embedded === true && sameSite !== undefined && sameSite !== 'none') {
    faults.push(`cookie.sameSite (${sameSite}) cannot go with cookie.embedded: leave it out`)
  }
  if (embedded === true && domain !== undefined) {
    faults.push(`cookie.domain (${domain}) cannot go with cookie.embedded: leave one out`)
  }
  if (lifetime !== undefined && lifetime !== 'browser') {
    const { maxAgeSeconds } = lifetime
    if (!Number.isInteger(maxAgeSeconds) || maxAgeSeconds < 1 || maxAgeSeconds > MAX_AGE_SECONDS) {
      faults.push(
        `cookie.lifetime.maxAgeSeconds (${maxAgeSeconds}) must be whole, from 1 to ${MAX_AGE_SECONDS}: browsers keep no cookie longer`,
      )
    } else if (maxAgeSeconds > absoluteSeconds) {
      faults.push(
        `cookie.lifetime.maxAgeSeconds (${maxAgeSeconds}) must not exceed sessions.absoluteSeconds (${absoluteSeconds}): the cookie would outlive every session`,
      )
    }
  }
  return faults
}

function domainFaults(origin: string, domain: string): readonly string[] {
  const { hostname } = new URL(origin)
  const at = `cookie.domain (${domain})`
  if (!/^[a-z0-9-]+(?:\.[a-z0-9-]+)+$/.test(domain) || /^[\d.]+$/.test(domain)) {
    return [`${at} must be a domain in lower case, of two labels at least, no leading dot`]
  }
  if (hostname !== domain && !hostname.endsWith(`.${domain}`)) {
    return [`${at} must be the origin's host or a parent of it: browsers drop the cookie else`]
  }
  if (isLoopbackHost(hostname) && !domain.endsWith('.localhost')) {
    return [`${at} cannot be shared on loopback: use names below one of .localhost`]
  }
  return []
}
