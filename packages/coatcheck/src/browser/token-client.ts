import { CoatcheckError } from '../core/errors.ts'
import { present } from '../core/present.ts'
import { readApiAddresses } from './api-addresses.ts'
import {
  challengeOf,
  isLate,
  type SignInTransaction,
  startTransaction,
  takeTransaction,
} from './sign-in-transaction.ts'
import { memoryStore } from './stores/memory.ts'
import { keeperSettings, type TokenClientOptions } from './token-client-options.ts'
import type { TokenKeeper } from './token-keeper.ts'
import type { TokenState, TokenStateListener } from './token-state.ts'
import type { TokenStoreTraits } from './token-store.ts'

/** What a sign-in asks the provider for. */
export interface SignInOptions {
  /** `none`: without asking the person anything; `login`: even if signed in there. Default: as the provider likes. */
  readonly prompt?: 'none' | 'login' | 'consent' | 'select_account'
  readonly loginHint?: string
  /** A path of this origin to come back to. Default: where the page is. */
  readonly returnTo?: string
}

/** What a sign-out does beside ending the tokens. */
export interface SignOutOptions {
  /** Whether the provider's own session ends, too, which leaves the page. Default: true. */
  readonly provider?: boolean
}

/** A page's hold on its tokens, which it never sees. */
export interface TokenClient {
  /** What the chosen place costs. */
  readonly traits: TokenStoreTraits
  /**
   * Who is signed in, once a sign-in that has just come back is finished. Rejects with why that failed (`sign_in_...`,
   * `token_...`, `provider_...`), once; or while nothing can be verified (`key_set_unavailable`).
   */
  state(): Promise<TokenState>
  /** Goes to the provider, and comes back to this page. Does not return. */
  signIn(options?: SignInOptions): Promise<never>
  /**
   * Signs in again whoever was signed in before this page was loaded, where the place forgets with a reload: by going to
   * the provider and back without asking anything. Else it is `state()`.
   */
  resume(): Promise<TokenState>
  /**
   * Takes the answer of a token endpoint: that of one's own login, for one. It is verified before anything is kept;
   * rejects with `provider_response_invalid`, `token_...`, `key_set_...` or `token_store_too_small`.
   */
  accept(answer: unknown): Promise<TokenState>
  /**
   * As `fetch`, with the access token, at the addresses in `apis` alone. Rejects with `api_address_refused`,
   * `api_redirect_refused`, `signed_out`, `signed_in_as_another`, `access_token_expired`, `renewal_unavailable`.
   */
  fetch(input: string | URL | Request, init?: RequestInit): Promise<Response>
  /** Is told the state once it is known, and each one after it. Gives back how to stop. */
  subscribe(listener: TokenStateListener): () => void
  /**
   * Ends the tokens here and in all tabs of this person, revokes the refresh token, and goes to the provider to sign out
   * there, which may ask the person.
   *
   * @see OpenID Connect RP-Initiated Logout, section 2
   */
  signOut(options?: SignOutOptions): Promise<void>
  /** Stops listening and telling. What is kept stays. */
  close(): void
}

/**
 * A single-page app's client: signs in by code and PKCE, verifies before it keeps, calls APIs, renews once however many
 * tabs ask. The page sees claims and answers.
 *
 * Throws `invalid_configuration`.
 *
 * @see RFC 10017 (OAuth 2.0 for Browser-Based Applications), section 6.3; RFC 7636; RFC 9700
 * @example
 * const tokens = createTokenClient({
 *   issuer: 'https://idp.example',
 *   clientId: 'spa',
 *   audience: 'https://api.example',
 *   scope: 'openid offline_access read:orders',
 *   apis: ['https://api.example/v1/'],
 * })
 * const orders = await tokens.fetch('https://api.example/v1/orders')
 */
export function createTokenClient(options: TokenClientOptions): TokenClient {
  const settings = keeperSettings(options)
  const { issuer, clientId, name, insecure } = settings
  const { store = memoryStore(), clock = Date.now } = options
  const allows = readApiAddresses(options.apis, insecure)
  // What scripts put in its place later sees no token of ours.
  const fetch = globalThis.fetch.bind(globalThis)
  let made: Promise<TokenKeeper> | undefined

  // It brings the verifier along: most of what this client is, and not needed for a page to begin.
  function keeper(): Promise<TokenKeeper> {
    made ??= loadKeeper().catch((cause: unknown) => {
      made = undefined
      throw cause instanceof CoatcheckError
        ? cause
        : new CoatcheckError('key_set_unavailable', { cause })
    })
    return made
  }

  async function loadKeeper(): Promise<TokenKeeper> {
    if ('connect' in store) return store.connect(settings, options.apis)
    const { createTokenKeeper } = await import('./token-keeper.ts')
    return createTokenKeeper(settings, { store, allows, clock, fetch, dpop: options.dpop })
  }

  // Where a framework renders on a server first, the client is made there, too, and used by nobody.
  const isPage = typeof location === 'object'
  const redirectUri = isPage ? new URL(options.redirectUri ?? '/', location.origin).href : ''
  const resumeKey = `${name}:resume`
  const transactionKey = `${name}:sign-in`
  const isForgetful = !store.traits.survivesReload
  // Whoever asks for the state first hears why a sign-in failed; everything waits until it is over.
  let failure: unknown
  const settled = (isPage ? callback() : undefined)?.catch((error: unknown) => {
    failure = error
    remember(false)
  })

  // At once, before any other script looks: the code leaves the address bar and the history.
  function callback(): Promise<void> | undefined {
    const { pathname, search } = location
    const answer = new URLSearchParams(search)
    const state = answer.get('state')
    const isCallback = state !== null && (answer.has('code') || answer.has('error'))
    if (!isCallback || pathname !== new URL(redirectUri).pathname) return undefined
    const transaction = takeTransaction(transactionKey, state)
    // Not ours: another library's, which has addresses of the same form.
    if (transaction === undefined && answer.get('iss') !== issuer) return undefined
    try {
      history.replaceState(history.state, '', transaction?.returnTo ?? pathname)
    } catch {
      // A script has written another site's address there.
      history.replaceState(history.state, '', pathname)
    }
    return finish(transaction, answer)
  }

  async function finish(
    transaction: SignInTransaction | undefined,
    answer: URLSearchParams,
  ): Promise<void> {
    if (transaction === undefined) throw new CoatcheckError('sign_in_unknown')
    if (isLate(transaction, clock())) throw new CoatcheckError('sign_in_expired')
    const code = answer.get('code')
    if (code === null) {
      remember(false)
      // Asked not to ask, the provider says that it would have to: then nobody is signed in, and that is no error.
      if (/^(?:login|interaction|consent)_required$|^account_sel/.test(answer.get('error') ?? ''))
        return
      throw new CoatcheckError('sign_in_refused')
    }
    const { nonce, code_verifier, redirect_uri } = transaction
    const given = { code, code_verifier, redirect_uri }
    await (await keeper()).redeem({ given, nonce, iss: answer.get('iss') })
    remember(true)
  }

  // That somebody was signed in here; nothing of who or with what. Gives back whether somebody was before.
  function remember(isSignedIn?: boolean): boolean {
    if (!isForgetful) return false
    try {
      const wasSignedIn = localStorage.getItem(resumeKey) !== null
      if (isSignedIn === true) localStorage.setItem(resumeKey, '1')
      if (isSignedIn === false) localStorage.removeItem(resumeKey)
      return wasSignedIn
    } catch {
      // Then the person signs in by hand after a reload.
      return false
    }
  }

  async function state(): Promise<TokenState> {
    await settled
    const error = failure
    failure = undefined
    if (error !== undefined) throw error
    return (await keeper()).state()
  }

  async function signIn({ prompt, loginHint, returnTo }: SignInOptions = {}): Promise<never> {
    const endpoint = await (await keeper()).authorizationEndpoint()
    const target = new URL(returnTo ?? location.href, location.origin)
    // Of this origin by its text, too: blob: and user names have the origin of what follows.
    if (!target.href.startsWith(`${location.origin}/`))
      throw new CoatcheckError('return_address_refused')
    const transaction = startTransaction(transactionKey, {
      redirect_uri: redirectUri,
      returnTo: target.href,
      startedAt: clock(),
    })
    go(endpoint, {
      ...options.authorizationParameters,
      client_id: clientId,
      response_type: 'code',
      redirect_uri: redirectUri,
      scope: options.scope ?? 'openid',
      state: transaction.state,
      nonce: transaction.nonce,
      code_challenge: await challengeOf(transaction.code_verifier),
      code_challenge_method: 'S256',
      ...present({ prompt, login_hint: loginHint }),
    })
    // The page goes: nothing after this is meant to happen.
    return new Promise(() => {})
  }

  return {
    traits: store.traits,
    state,
    signIn,
    resume: async () => {
      const found = await state()
      return found.state === 'signed_out' && remember() ? signIn({ prompt: 'none' }) : found
    },
    accept: async (answer) => {
      const kept = await keeper()
      await kept.accept(answer)
      return kept.state()
    },
    fetch: async (input, init) => {
      await settled
      return (await keeper()).fetch(input, init)
    },
    subscribe: (listener) => {
      let stop: (() => void) | undefined
      let isStopped = false
      const start = async (): Promise<void> => {
        await settled
        const kept = await keeper()
        if (!isStopped) stop = kept.subscribe(listener)
      }
      if (isPage) start().catch(() => {})
      return () => {
        isStopped = true
        stop?.()
      }
    },
    signOut: async ({ provider = true } = {}) => {
      await settled
      remember(false)
      const address = await (await keeper()).signOut()
      if (!provider || address === undefined) return
      // Without an ID token, which must not stand in an address: so the provider may ask the person.
      go(address, {
        client_id: clientId,
        post_logout_redirect_uri: options.signedOutUri ?? redirectUri,
      })
      await new Promise(() => {})
    },
    close: () =>
      void made?.then(
        (kept) => kept.close(),
        () => {},
      ),
  }
}

function go(address: string, parameters: Readonly<Record<string, string>>): void {
  const url = new URL(address)
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  location.assign(url)
}
