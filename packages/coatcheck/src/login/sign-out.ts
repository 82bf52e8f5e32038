import { type Answer, json, seeOther, setCookieHeaders } from '../core/answer.ts'
import { codeOfError } from '../core/errors.ts'
import type { Provider } from '../provider/provider.ts'
import type { BrowserSessions } from '../sessions/browser-sessions.ts'
import type { Session } from '../sessions/session.ts'
import type { LoginEvent } from './login.ts'

/** What {@link createSignOut} needs. */
export interface SignOutOptions {
  readonly origin: string
  readonly provider: Provider
  readonly sessions: BrowserSessions
  /** Path to come back to after sign-out. */
  readonly afterSignOut: string
  /** Whether the ID token goes along to the provider's sign-out: the one token in an address. */
  readonly sendIdTokenHint: boolean
  /** What a browser throws away at sign-out, besides our cookies. */
  readonly clearSiteData: readonly string[]
  readonly onEvent: (event: LoginEvent) => void
}

/** Who signs out, and how. */
export interface SignOutRequest {
  readonly session: Session | undefined
  readonly cookieHeader: string | undefined
  /** A script gets JSON, a form is led on. */
  readonly fromScript: boolean
}

/**
 * Sign-out: the session ends, its refresh token is revoked, the cookies go, and the browser is led to the provider's own.
 *
 * @see OpenID Connect RP-Initiated Logout 1.0; RFC 7009
 */
export function createSignOut(
  options: SignOutOptions,
): (request: SignOutRequest) => Promise<Answer> {
  const { origin, provider, sessions, onEvent } = options
  const clearSiteData =
    options.clearSiteData.length === 0
      ? []
      : ['clear-site-data', options.clearSiteData.map((what) => `"${what}"`).join(', ')]

  async function signOut(request: SignOutRequest): Promise<Answer> {
    const { session, cookieHeader, fromScript } = request
    if (session !== undefined) await sessions.end(session, 'signed_out', { revoke: true })
    const clear = [...setCookieHeaders(sessions.clear(cookieHeader)), ...clearSiteData]
    if (fromScript) {
      const answer = json({ state: 'signed_out' })
      return { ...answer, headers: [...answer.headers, ...clear] }
    }
    return seeOther(await afterSignOut(session), ['referrer-policy', 'no-referrer', ...clear])
  }

  async function afterSignOut(session: Session | undefined): Promise<string> {
    const home = `${origin}${options.afterSignOut}`
    if (session === undefined) return home
    try {
      const endpoint = await provider.endSessionEndpoint()
      if (endpoint === undefined) return home
      const url = new URL(endpoint)
      const { idToken } = session.tokenSet
      if (options.sendIdTokenHint && idToken !== undefined)
        url.searchParams.set('id_token_hint', idToken)
      url.searchParams.set('client_id', provider.clientId)
      url.searchParams.set('post_logout_redirect_uri', home)
      return url.href
    } catch (error) {
      onEvent({ type: 'sign_out.incomplete', reason: codeOfError(error) })
      return home
    }
  }

  return signOut
}
