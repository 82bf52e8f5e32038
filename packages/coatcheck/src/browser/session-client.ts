import { watchSession } from './watch-session.ts'

/** What a page knows of its session: who, and until when. No token, no ticket. */
export type SessionState =
  | { readonly state: 'signed_out' }
  | {
      readonly state: 'signed_in'
      /** Claims of the ID token about the person: `sub`, and what the scope brought. */
      readonly claims: Readonly<Record<string, unknown>>
      /** When the session ends unless it is used; milliseconds since 1970. */
      readonly idleEndsAt: number
      /** When it ends in any case; milliseconds since 1970. */
      readonly absoluteEndsAt: number
    }

/**
 * Is told what the session has become, and why it ended: `signed_out`, `idle_timeout`, `absolute_timeout`,
 * `replaced`, `renewal_refused`, `ended_by_user`, `ended_by_operator`, `provider_signed_out`,
 * `signed_out_elsewhere`.
 */
export type SessionListener = (state: SessionState, reason: string | undefined) => void

/** A page's hold on its session at a counter. */
export interface SessionClient {
  /** Asks the server; never counts as activity. Throws {@link SessionClientError}. */
  session(): Promise<SessionState>
  /** Calls an API of the counter's: like `fetch`, for addresses of this origin. Errors of the counter throw {@link SessionClientError}; the API's own answers do not. */
  fetch(path: string, init?: RequestInit): Promise<Response>
  /**
   * Is told when the session ends or becomes another one, in every tab: by one event stream for the whole browser,
   * and where that cannot be, by a question each minute. Gives back how to stop.
   */
  subscribe(listener: SessionListener): () => void
  /** Goes to sign-in, and comes back to this page. */
  signIn(): void
  /** Signs out here and at the provider. */
  signOut(): void
}

/** An answer of the counter's that is an error: decide by `code`. */
export class SessionClientError extends Error {
  override readonly name = 'SessionClientError'
  /** As in docs/errors.md: `signed_out`, `access_token_expired`, `renewal_unavailable`, ... */
  readonly code: string
  readonly status: number
  /** After how many seconds another try makes sense. */
  readonly retryAfterSeconds: number | undefined

  constructor(code: string, status: number, retryAfterSeconds: number | undefined) {
    super(code)
    this.code = code
    this.status = status
    this.retryAfterSeconds = retryAfterSeconds
  }
}

/**
 * The page's side of a counter: calls APIs with the header that no other site can send, and says who is
 * signed in. It holds nothing that could be stolen.
 *
 * @example
 * const counter = createSessionClient()
 * const orders = await counter.fetch('/api/orders').then((answer) => answer.json())
 */
export function createSessionClient(): SessionClient {
  async function call(path: string, init: RequestInit = {}): Promise<Response> {
    // A header of ours must never travel to another origin.
    const url = new URL(path, location.href)
    if (url.origin !== location.origin)
      throw new SessionClientError('cross_site_refused', 0, undefined)
    const headers = new Headers(init.headers)
    headers.set('x-coatcheck', '1')
    const answer = await fetch(url, { ...init, headers, credentials: 'same-origin' })
    if (!answer.headers.get('content-type')?.startsWith('application/problem+json')) return answer
    const { code } = await answer.clone().json()
    if (typeof code !== 'string') return answer
    const retryAfter = Number(answer.headers.get('retry-after'))
    throw new SessionClientError(code, answer.status, retryAfter > 0 ? retryAfter : undefined)
  }

  const session = async (): Promise<SessionState> => (await call('/auth/session')).json()

  return {
    fetch: call,
    session,
    subscribe: (listener) => watchSession(session, listener),
    signIn: () => {
      const here = location.pathname + location.search + location.hash
      location.assign(`/auth/sign-in?return=${encodeURIComponent(here)}`)
    },
    signOut: () => {
      const form = document.createElement('form')
      form.method = 'post'
      form.action = '/auth/sign-out'
      document.body.append(form)
      form.submit()
    },
  }
}
