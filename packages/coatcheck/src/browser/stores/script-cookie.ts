import { type CookieAttributes, MAX_PAIR_BYTES, serializeCookie } from '../../cookies/serialize.ts'
import { CoatcheckError } from '../../core/errors.ts'
import { createSharedLedger } from '../grant-ledger.ts'
import type { TokenStore } from '../token-store.ts'

/** How the cookie is set. It is always `Secure`. */
export interface ScriptCookieOptions {
  /** Shares it with all hosts of this domain, and their scripts and servers. Default: this host alone. */
  readonly domain?: string
  /** Default: `/`. */
  readonly path?: string
  /** Default: `Strict`. */
  readonly sameSite?: 'Strict' | 'Lax'
  /** How long the browser keeps it; it is set anew with each renewal. Default: until the browser closes. */
  readonly maxAgeSeconds?: number
}

// Browsers keep no cookie longer than 400 days (RFC 6265bis, 5.6.1).
const MAX_AGE_SECONDS = 34_560_000

/**
 * Keeps tokens in a cookie that scripts can read: for those who must share them with a subdomain or a server. All tabs
 * share one sign-in. Every script in the page can read it at any time, and the browser sends it with every request to
 * this site, so the site's server and its logs see the tokens too. A cookie has 4,096 bytes: what does not fit is said
 * before it is written.
 *
 * Throws `invalid_configuration` for attributes that do not go together.
 *
 * @see RFC 6265bis, sections 4.1.3 and 5.6; RFC 10017, section 8.1
 * @example
 * const store = scriptCookieStore({ domain: 'example.com', sameSite: 'Lax' })
 */
export function scriptCookieStore(options: ScriptCookieOptions = {}): TokenStore {
  const { domain, path = '/', sameSite = 'Strict', maxAgeSeconds } = options
  if (
    !path.startsWith('/') ||
    (maxAgeSeconds !== undefined && !(maxAgeSeconds > 0 && maxAgeSeconds <= MAX_AGE_SECONDS))
  ) {
    throw new CoatcheckError('invalid_configuration', {
      detail: `scriptCookieStore: path begins with a slash, maxAgeSeconds lies between 1 and ${MAX_AGE_SECONDS}.`,
    })
  }
  const attributes: CookieAttributes = {
    secure: true,
    httpOnly: false,
    sameSite,
    path,
    ...(domain === undefined ? {} : { domain }),
  }
  const isHostOnly = domain === undefined && path === '/'
  return {
    traits: {
      place: 'script_cookie',
      readableByScript: 'always',
      sentByBrowser: true,
      survivesReload: true,
      survivesTabClose: true,
      survivesBrowserClose: maxAgeSeconds !== undefined,
      sharedWithTabs: true,
      sharedWithSubdomains: domain !== undefined,
      maxBytes: MAX_PAIR_BYTES,
    },
    open: (name) => {
      const cookieName = `${isHostOnly ? '__Host-' : '__Secure-'}${name.replaceAll(/[^\w.~-]/g, '.')}`
      const read = (): string | undefined => {
        const found = cookiesHere().filter((pair) => pair.startsWith(`${cookieName}=`))
        // Two of one name: another host or path planted one, and nobody can tell which (RFC 6265bis, 8.6).
        const [pair] = found
        return found.length === 1 && pair !== undefined && pair.length > cookieName.length + 1
          ? pair.slice(cookieName.length + 1)
          : undefined
      }
      const set = (value: string, lifetime: Partial<CookieAttributes>): void => {
        const cookie = serializeCookie(cookieName, value, { ...attributes, ...lifetime })
        try {
          // biome-ignore lint/suspicious/noDocumentCookie: the one that every browser has, and that answers at once.
          document.cookie = cookie
        } catch {
          // In a sandboxed frame: that nothing was kept is seen when it is read.
        }
      }
      return {
        read,
        ledger: createSharedLedger,
        write: (text) => {
          const bytes = cookieName.length + text.length
          if (bytes > MAX_PAIR_BYTES) {
            const detail = `The tokens need ${bytes} bytes; a cookie has ${MAX_PAIR_BYTES}.`
            return { ok: false, reason: 'too_large', detail }
          }
          set(text, maxAgeSeconds === undefined ? {} : { maxAgeSeconds })
          if (read() === text) return { ok: true }
          const detail = 'The browser did not keep the cookie: domain, path or scheme do not fit.'
          return { ok: false, reason: 'storage_unavailable', detail }
        },
        remove: () => set('', { maxAgeSeconds: 0 }),
      }
    },
  }
}

// Where a frame is sandboxed, asking throws.
function cookiesHere(): readonly string[] {
  try {
    return document.cookie.split('; ')
  } catch {
    return []
  }
}
