import { openChannel } from './session-channel.ts'
import { guardedFetch, SessionClientError } from './session-fetch.ts'
import type { SessionListener, SessionState } from './session-state.ts'
import { createSessionWatch } from './watch-session.ts'

/** A page's hold on its session at a counter. */
export interface SessionClient {
  /** Asks the server; never counts as activity. Throws {@link SessionClientError}, or as `fetch` where nothing answers. */
  session(): Promise<SessionState>
  /**
   * Whole seconds from now until a time of the server's (`idleEndsAt`, `absoluteEndsAt`), 0 when it is over: by
   * the server's clock, which this page's may differ from, as of the last answer. Exact to a second.
   */
  secondsUntil(endsAt: number): number
  /**
   * Calls an API of the counter's: like the global `fetch`, for addresses of this origin. Counts as activity,
   * whatever the API answers. Errors of the counter throw {@link SessionClientError}; the API's own answers,
   * and those to HEAD, which say no code, do not.
   */
  fetch(input: string | URL | Request, init?: RequestInit): Promise<Response>
  /**
   * Tells what the session is, once that is known, and each time it ends or becomes another one, in every tab: by
   * one event stream for the whole browser, by a question when a page is come back to, and where no stream can
   * be, by a question each minute. Gives back how to stop.
   */
  subscribe(listener: SessionListener): () => void
  /** Goes to sign-in. Throws {@link SessionClientError} `return_address_refused`. */
  signIn(options?: SignInOptions): void
  /** Signs out here and at the provider. */
  signOut(): void
}

/** How a person signs in. */
export interface SignInOptions {
  /** Where to come back to: an address of this origin. Default: this page. */
  readonly returnTo?: string
  /** Whether to stay signed in on this device, where the server offers it. Default: false. */
  readonly remember?: boolean
  /** OpenID Connect's `prompt`: `login` asks for the password again. Default: as the provider decides. */
  readonly prompt?: 'login' | 'consent' | 'select_account'
}

const ANSWER_MS = 10_000

/**
 * The page's side of a counter: calls APIs with the header that no other site can send, and says who is
 * signed in. It holds nothing that could be stolen, and touches no browser before it is used.
 *
 * @example
 * const counter = createSessionClient()
 * const orders = await counter.fetch('/api/orders').then((answer) => answer.json())
 */
export function createSessionClient(): SessionClient {
  let aheadMs = 0
  let turn: Promise<unknown> = Promise.resolve()
  let next: Promise<SessionState> | undefined
  const watch = createSessionWatch(session, secondsUntil)

  async function ask(): Promise<SessionState> {
    // A machine that slept may have left its question hanging.
    const signal = AbortSignal.timeout?.(ANSWER_MS)
    const answer = await guardedFetch('/auth/session', { signal })
    // Whatever stands between here and the counter says nothing about the session.
    if (!answer.ok) throw new SessionClientError('upstream_unavailable', answer.status)
    const serverNow = Date.parse(answer.headers.get('date') ?? '')
    // The header leaves out the milliseconds: rounded up, an end is seen too early rather than too late.
    if (serverNow > 0) aheadMs = serverNow + 999 - Date.now()
    const state = await answer.json()
    watch.hear(state)
    return state
  }

  // One question after the other: an answer that was overtaken would bring back what is over.
  function session(): Promise<SessionState> {
    next ??= turn.then(() => {
      next = undefined
      const asked = ask()
      turn = asked.catch(() => {})
      return asked
    })
    return next
  }

  function secondsUntil(endsAt: number): number {
    return Math.max(0, Math.ceil((endsAt - Date.now() - aheadMs) / 1000))
  }

  // Other tabs may be warning of an end that has just moved.
  function tellUse(): void {
    const channel = openChannel()
    channel?.postMessage('used')
    channel?.close()
  }

  return {
    session,
    secondsUntil,
    fetch: async (input, init) => {
      try {
        return await guardedFetch(input, init)
      } catch (error) {
        if (error instanceof SessionClientError && error.code === 'signed_out') void watch.look()
        throw error
      } finally {
        tellUse()
      }
    },
    subscribe: watch.subscribe,
    signIn: ({ returnTo = location.href, remember, prompt } = {}) => {
      const { origin, pathname, search, hash } = new URL(returnTo, location.href)
      if (origin !== location.origin) throw new SessionClientError('return_address_refused', 0)
      const query = new URLSearchParams({ return: pathname + search + hash })
      if (remember === true) query.set('remember', '1')
      if (prompt !== undefined) query.set('prompt', prompt)
      location.assign(`${origin}/auth/sign-in?${query}`)
    },
    signOut: () => {
      const form = document.createElement('form')
      form.method = 'post'
      form.action = `${location.origin}/auth/sign-out`
      document.body.append(form)
      form.submit()
    },
  }
}
