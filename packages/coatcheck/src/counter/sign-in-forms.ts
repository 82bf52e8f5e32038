import { findCookie } from '../cookies/parse.ts'
import { type CookieAttributes, serializeCookie } from '../cookies/serialize.ts'
import { encodeBase64url } from '../core/bytes.ts'
import type { RandomSource } from '../core/random.ts'
import type { DecidingHeaders } from '../core/request-head.ts'
import type { BoundTokens } from '../guard/bound-token.ts'
import type { createGuard } from '../guard/judge.ts'

/** What a sign-in form of one's own needs before anybody is signed in. */
export interface SignInForm {
  /** For a hidden field. */
  readonly token: string
  /** `Set-Cookie` values for the answer with the form. */
  readonly setCookies: readonly string[]
}

/** Tokens for forms of browsers that have no session yet. */
export interface SignInForms {
  make(headers: DecidingHeaders): SignInForm
  check(headers: DecidingHeaders, token: string): boolean
}

const ID_BYTES = 16
const ID = /^[\w-]{22}$/
const MAX_AGE_SECONDS = 3600
const ATTRIBUTES: CookieAttributes = {
  secure: true,
  httpOnly: true,
  // The token and the origin are the defence; Strict would lose the form of a tab that a link has opened.
  sameSite: 'Lax',
  path: '/',
  maxAgeSeconds: MAX_AGE_SECONDS,
}

/**
 * Against login CSRF: a token that is bound to a cookie of its own, which only this host's server can set.
 *
 * @see OWASP CSRF Prevention Cheat Sheet, "Login CSRF"
 */
export function createSignInForms(options: {
  readonly cookieName: string
  readonly tokens: BoundTokens
  readonly judge: ReturnType<typeof createGuard>
  readonly random: RandomSource
}): SignInForms {
  const { cookieName, tokens, judge, random } = options

  function idIn({ cookie }: DecidingHeaders): string | undefined {
    const found = findCookie(cookie, cookieName)
    return found.ok && ID.test(found.value) ? found.value : undefined
  }

  return {
    make: (headers) => {
      // The same again, for another hour: forms of other tabs stay good.
      const id = idIn(headers) ?? encodeBase64url(random(ID_BYTES))
      return {
        token: tokens.make(id),
        setCookies: [serializeCookie(cookieName, id, ATTRIBUTES)],
      }
    },
    check: (headers, token) => {
      const id = idIn(headers)
      return id !== undefined && judge('change', headers).ok && tokens.check(token, id)
    },
  }
}
