import type { CookieNames } from '../cookies/names.ts'
import { type Answer, problem, seeOther, setCookieHeaders } from '../core/answer.ts'
import type { Clock } from '../core/clock.ts'
import { CoatcheckError, codeOfError } from '../core/errors.ts'
import type { RandomSource } from '../core/random.ts'
import type { Provider } from '../provider/provider.ts'
import type { KeyRing } from '../ring/key-ring.ts'
import type { BrowserSessions } from '../sessions/browser-sessions.ts'
import type { Session } from '../sessions/session.ts'
import type { SessionStore } from '../sessions/session-store.ts'
import { type HandedOver, lineageOf, type SessionTies, tiesOf } from '../sessions/session-ties.ts'
import type { VerifiedTokenSet } from '../tokens/verified-token-set.ts'
import type { HandOffNote } from './hand-off-options.ts'
import type { HandOffTies } from './hand-off-ties.ts'
import { errorPage, signInPage } from './pages.ts'
import { readReturnAddress } from './return-address.ts'
import { createSignOut, type SignOutOptions, type SignOutRequest } from './sign-out.ts'
import { createTransactions } from './transaction.ts'

/** What {@link createLogin} needs. */
export interface LoginOptions extends SignOutOptions {
  readonly origin: string
  readonly provider: Provider
  readonly sessions: BrowserSessions
  readonly store: SessionStore
  readonly ring: KeyRing
  readonly names: CookieNames
  /** Default: `openid profile email offline_access`. */
  readonly scope: string
  /** Further parameters of the authorization request. */
  readonly authorizationParameters: Readonly<Record<string, string>>
  /** Whether a person may choose to stay signed in. */
  readonly offersToRemember: boolean
  /** Ties sessions that were handed over to their counterparts. */
  readonly ties: HandOffTies | undefined
  readonly clock: Clock
  readonly random: RandomSource
  readonly onEvent: (event: LoginEvent) => void
}

/** What sign-in and sign-out tell a log. */
export type LoginEvent =
  | { readonly type: 'sign_in.started' }
  | {
      readonly type: 'sign_in.failed'
      readonly reason: string
      /** In words, with the provider's error code where it gave one; never a secret. */
      readonly detail?: string
    }
  | { readonly type: 'sign_out.incomplete'; readonly reason: string }

/** How a sign-in was asked for. */
export interface SignInRequest {
  readonly cookieHeader: string | undefined
  readonly returnTo: string | undefined
  /** Whether one of our own pages asked; everybody else gets a page with a button. */
  readonly fromOurPage: boolean
  /** Whether the person asked to stay signed in on this device. */
  readonly remember: boolean
  /** OpenID Connect's `prompt`: `login` asks for the password again. */
  readonly prompt?: string
  /** Another site handed somebody over: nobody else may come out of it. */
  readonly handOff?: HandOffNote
}

/** The provider's answer as it reached the callback. */
export interface CallbackRequest {
  readonly cookieHeader: string | undefined
  readonly parameters: URLSearchParams
  /** The session that the browser has already. */
  readonly session: Session | undefined
  readonly userAgent?: string | undefined
  readonly address?: string | undefined
}

/** Sign-in, its callback, and sign-out. */
export interface Login {
  signIn(request: SignInRequest): Promise<Answer>
  callback(request: CallbackRequest): Promise<Answer>
  signOut(request: SignOutRequest): Promise<Answer>
}

function isSamePerson(one: VerifiedTokenSet, other: VerifiedTokenSet): boolean {
  return one.issuer === other.issuer && one.subject === other.subject
}

function handedOver({ source, link, handle }: HandOffNote): HandedOver {
  return { source, link, handle }
}

// What a provider answers to `prompt=none` when it cannot do without its own page.
const WANTS_PERSON: ReadonlySet<string> = new Set([
  'login_required',
  'interaction_required',
  'consent_required',
  'account_selection_required',
])

/**
 * The code flow as a confidential client: PKCE, state and nonce for each attempt, the answer exchanged and
 * verified, and a new session at every sign-in.
 *
 * @see RFC 10017, section 6.1; RFC 9700, section 2.1; OpenID Connect Core, section 3.1
 */
export function createLogin(options: LoginOptions): Login {
  const { origin, provider, sessions, names, offersToRemember, onEvent } = options
  const redirectUri = `${origin}/auth/callback`
  const transactions = createTransactions({
    ring: options.ring,
    store: options.store,
    context: [origin, provider.issuer, provider.clientId],
    cookiePrefix: names.transactionPrefix,
    clock: options.clock,
    random: options.random,
  })

  async function signIn(request: SignInRequest): Promise<Answer> {
    const returnTo = readReturnAddress(origin, request.returnTo)
    if (returnTo === undefined) return errorPage('return_address_refused')
    if (!request.fromOurPage) return signInPage(returnTo, 200, { offersToRemember })
    try {
      await provider.ready()
      const remember = request.remember && offersToRemember
      const { handOff } = request
      const begin = { returnTo, remember, ...(handOff === undefined ? {} : { handOff }) }
      const started = await transactions.start(request.cookieHeader, begin)
      const { state, nonce, codeVerifier } = started.transaction
      const location = await provider.authorizationUrl({
        redirectUri,
        state,
        nonce,
        codeVerifier,
        scope: options.scope,
        extra: {
          ...options.authorizationParameters,
          ...(request.prompt === undefined ? {} : { prompt: request.prompt }),
        },
      })
      onEvent({ type: 'sign_in.started' })
      return seeOther(location, setCookieHeaders(started.setCookies))
    } catch (error) {
      return failed(error, returnTo, [])
    }
  }

  async function callback(request: CallbackRequest): Promise<Answer> {
    const state = request.parameters.get('state') ?? ''
    const reading = await transactions.take(request.cookieHeader, state)
    if (!reading.ok) return withoutTransaction(reading.reason, request.session)
    const { transaction, clear } = reading
    const { handOff } = transaction
    if (handOff?.silent === true && WANTS_PERSON.has(request.parameters.get('error') ?? '')) {
      const { silent: _, ...note } = handOff
      return askPerson(request, transaction.returnTo, note, clear)
    }
    try {
      const tokenSet = await provider.exchangeCode({
        callback: request.parameters,
        redirectUri,
        state: transaction.state,
        nonce: transaction.nonce,
        codeVerifier: transaction.codeVerifier,
      })
      const former = request.session
      const isSame = former !== undefined && isSamePerson(former.tokenSet, tokenSet)
      if (handOff !== undefined && handOff.subject !== tokenSet.subject) {
        // The grant may be one that a session of this person lives on.
        if (!isSame) await giveUp(tokenSet)
        throw new CoatcheckError('hand_off_subject_differs')
      }
      const ties = tiesFor(handOff, isSame ? former : undefined)
      const remembered = transaction.remember && offersToRemember
      const { userAgent, address } = request
      const input = {
        ...{ tokenSet, remembered },
        ...(ties === undefined ? {} : { ties }),
        ...(userAgent === undefined ? {} : { userAgent }),
        ...(address === undefined ? {} : { address }),
      }
      const { session, setCookies } = await sessions.create(input, request.cookieHeader)
      if (ties?.from !== undefined && (await options.ties?.isEnded(ties.from.link)) !== false) {
        await sessions.end(session, 'signed_out_elsewhere', { revoke: !isSame })
        throw new CoatcheckError('hand_off_code_refused')
      }
      // Not before the new one is there: a store that fails in between signs nobody out.
      if (former !== undefined) await endFormer(former, isSame)
      return seeOther(`${origin}${transaction.returnTo}`, [
        'referrer-policy',
        'no-referrer',
        ...setCookieHeaders([...setCookies, clear]),
      ])
    } catch (error) {
      return failed(error, transaction.returnTo, [clear])
    }
  }

  // The provider shows its own page now: only a person can go on. Whoever signs in must still be the one who was meant.
  async function askPerson(
    { cookieHeader }: CallbackRequest,
    returnTo: string,
    handOff: HandOffNote,
    clear: string,
  ): Promise<Answer> {
    const answer = await signIn({
      ...{ cookieHeader, returnTo, handOff },
      fromOurPage: true,
      remember: false,
    })
    return { ...answer, headers: [...answer.headers, ...setCookieHeaders([clear])] }
  }

  // What the same person's former session was tied to, this one is; a hand-off of its own takes the place of an earlier one.
  function tiesFor(
    handOff: HandOffNote | undefined,
    former: Session | undefined,
  ): SessionTies | undefined {
    if (options.ties === undefined) return undefined
    const from = handOff === undefined ? former && tiesOf(former).from : handedOver(handOff)
    if (former === undefined && from === undefined) return undefined
    return {
      ...(former === undefined ? {} : { lineage: lineageOf(former) }),
      ...(from === undefined ? {} : { from }),
    }
  }

  async function giveUp({ refreshToken }: VerifiedTokenSet): Promise<void> {
    if (refreshToken === undefined) return
    await provider.revoke(refreshToken).catch((error: unknown) => {
      onEvent({ type: 'sign_out.incomplete', reason: codeOfError(error) })
    })
  }

  // The transaction is gone, but whoever is signed in by now (another tab was faster) just goes on.
  function withoutTransaction(reason: string, session: Session | undefined): Answer {
    if (session !== undefined) return seeOther(`${origin}/`, ['referrer-policy', 'no-referrer'])
    onEvent({ type: 'sign_in.failed', reason: `transaction_${reason}` })
    if (reason === 'late' || reason === 'used') return errorPage('sign_in_expired')
    return errorPage('sign_in_unknown', { causes: likelyCauses(origin) })
  }

  // Sessions that one person has from one provider share its grant: revoking would end the new one too.
  async function endFormer(former: Session, isSame: boolean): Promise<void> {
    const end = () => sessions.end(former, 'replaced', { revoke: !isSame })
    await (isSame && options.ties !== undefined ? options.ties.inheriting(former.id, end) : end())
  }

  function failed(error: unknown, returnTo: string, setCookies: readonly string[]): Answer {
    const code = codeOfError(error)
    const detail = error instanceof CoatcheckError ? { detail: error.message } : {}
    onEvent({ type: 'sign_in.failed', reason: code, ...detail })
    return errorPage(code, {
      returnTo,
      retryAfterSeconds: error instanceof CoatcheckError ? error.retryAfterSeconds : undefined,
      headers: setCookieHeaders(setCookies),
    })
  }

  return { signIn, callback, signOut: createSignOut(options) }
}

/** The answer to a script, a prefetch or a frame that asks for sign-in: a code, and no redirect. */
export function signInNotStarted(): Answer {
  return problem('sign_in_required', {
    detail:
      'Sign-in starts when a person opens /auth/sign-in in a tab, not from fetch, prefetch or a frame.',
  })
}

function likelyCauses(origin: string): readonly string[] {
  const causes = [
    'The cookie of this sign-in did not come back. It was started in another browser or more than ten minutes ago, or a proxy on the way drops Set-Cookie or serves this site under another name.',
  ]
  if (origin.startsWith('http:')) {
    causes.push(
      'Safari keeps no Secure cookies on http://localhost: start with --https, or use Chromium or Firefox.',
    )
  }
  return causes
}
