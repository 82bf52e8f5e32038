import { type Answer, problem, seeOther, setCookieHeaders } from '../core/answer.ts'
import { CoatcheckError, codeOfError } from '../core/errors.ts'
import type { Provider } from '../provider/provider.ts'
import { sha256Base64url } from '../ring/sha256.ts'
import type { BrowserSessions } from '../sessions/browser-sessions.ts'
import type { Session } from '../sessions/session.ts'
import type { SessionStore } from '../sessions/session-store.ts'
import { lineageOf } from '../sessions/session-ties.ts'
import type { HandOffCodes } from './hand-off-codes.ts'
import type { Letters } from './hand-off-letters.ts'
import type { HandOffOptions, HandOffPartner } from './hand-off-options.ts'
import type { HandOffTies } from './hand-off-ties.ts'
import type { Login } from './login.ts'
import { errorPage, signInPage } from './pages.ts'
import { AUTHORIZE_PATH, readReturnAddress } from './return-address.ts'
import type { Transactions } from './transaction.ts'

/** What hand-offs tell a log. */
export type HandOffEvent =
  | { readonly type: 'hand_off.given'; readonly partner: string; readonly session: string }
  | { readonly type: 'hand_off.taken'; readonly partner: string }
  | { readonly type: 'hand_off.refused'; readonly partner: string; readonly reason: string }

/** What {@link createHandOff} needs. */
export interface HandOffContext extends Required<Pick<HandOffOptions, 'to' | 'from'>> {
  readonly origin: string
  readonly store: SessionStore
  readonly provider: Pick<Provider, 'issuer'>
  readonly sessions: BrowserSessions
  readonly login: Login
  /** Of hand-offs alone: an answer of the provider means nothing here, nor one of ours there. */
  readonly transactions: Transactions
  readonly codes: HandOffCodes
  readonly letters: Letters
  readonly ties: HandOffTies
  readonly onEvent: (event: HandOffEvent) => void
}

/** A request of a browser to one of the addresses of a hand-off. */
export interface HandOffRequest {
  readonly cookieHeader: string | undefined
  readonly parameters: URLSearchParams
}

/** Hands signed-in people over to a site of another domain, and takes them over. */
export interface HandOff {
  /** At the target: sends the browser to the site where somebody may be signed in. */
  start(request: HandOffRequest & { readonly fromOurPage: boolean }): Promise<Answer>
  /** At the source: a code for the target, if somebody is signed in. */
  authorize(
    request: HandOffRequest & { readonly session: Session | undefined; readonly target: string },
  ): Promise<Answer>
  /** At the target: redeems the code, and lets the provider confirm whom it names. */
  callback(request: HandOffRequest): Promise<Answer>
  /** At the source, from the target's server. */
  redeem(clientId: string | null, authorization: string | undefined): Promise<Answer>
  /** At either site, from the other's server: the session there ended. */
  ended(clientId: string | null, authorization: string | undefined): Promise<Answer>
}

/** Where the source sends the browser back to. */
export const CALLBACK_PATH = '/auth/hand-off/callback'
const CHALLENGE = /^[\w-]{43}$/
const LINK = /^[\w-]{43}$/
const STATE = /^[\w.-]{1,200}$/

/**
 * The authorization code flow between two sites of ours: PKCE binds a code to the browser that asked, the code names
 * its target, is good once and for half a minute, and is redeemed from server to server. No token is handed over:
 * the target asks the provider for tokens of its own, and takes them for the same person only.
 *
 * @see RFC 6749, section 4.1; RFC 7636; RFC 9207; OpenID Connect Core, section 3.1.2.1 (`prompt=none`)
 */
export function createHandOff(context: HandOffContext): HandOff {
  const { origin, to, from, store, provider, sessions, transactions } = context
  const { codes, letters, ties, onEvent } = context

  async function start({
    cookieHeader,
    parameters,
    fromOurPage,
  }: HandOffRequest & { readonly fromOurPage: boolean }): Promise<Answer> {
    const returnTo = readReturnAddress(origin, parameters.get('return') ?? undefined)
    if (returnTo === undefined) return errorPage('return_address_refused')
    const named = parameters.get('from')
    const source = named === null && from.length === 1 ? from[0] : partnerOf(from, named)
    if (source === undefined) return errorPage('hand_off_refused', { returnTo })
    if (!fromOurPage) {
      const path = `/auth/hand-off?from=${encodeURIComponent(source.origin)}`
      return signInPage(returnTo, 200, { offersToRemember: false, path })
    }
    const started = await transactions.start(cookieHeader, {
      returnTo,
      remember: false,
      source: source.origin,
    })
    const { state, codeVerifier } = started.transaction
    const url = new URL(AUTHORIZE_PATH, source.origin)
    url.searchParams.set('response_type', 'code')
    url.searchParams.set('client_id', origin)
    url.searchParams.set('state', state)
    url.searchParams.set('code_challenge', sha256Base64url(codeVerifier))
    url.searchParams.set('code_challenge_method', 'S256')
    return seeOther(url.href, [...NO_REFERRER, ...setCookieHeaders(started.setCookies)])
  }

  async function authorize({
    parameters,
    session,
    target,
  }: HandOffRequest & {
    readonly session: Session | undefined
    readonly target: string
  }): Promise<Answer> {
    const partner = partnerOf(to, parameters.get('client_id'))
    const state = parameters.get('state') ?? ''
    const challenge = parameters.get('code_challenge') ?? ''
    const isWellFormed =
      parameters.get('response_type') === 'code' &&
      parameters.get('code_challenge_method') === 'S256' &&
      STATE.test(state) &&
      CHALLENGE.test(challenge)
    // Nobody is sent on to whom we do not know: the page stays here.
    if (partner === undefined || !isWellFormed) return errorPage('hand_off_refused')
    if (session === undefined) return signInPage(target, 401, { offersToRemember: false })
    const { tokenSet, id, shortId } = session
    const { issuer, subject } = tokenSet
    const names = ties.namesFor(partner.origin, { subject, lineage: lineageOf(session) })
    const code = await codes.make({
      target: partner.origin,
      challenge,
      ...{ sessionId: id, issuer, subject },
      ...names,
    })
    onEvent({ type: 'hand_off.given', partner: partner.origin, session: shortId })
    const url = new URL(CALLBACK_PATH, partner.origin)
    url.searchParams.set('code', code)
    url.searchParams.set('state', state)
    url.searchParams.set('iss', origin)
    return seeOther(url.href, NO_REFERRER)
  }

  async function callback({ cookieHeader, parameters }: HandOffRequest): Promise<Answer> {
    const reading = await transactions.take(cookieHeader, parameters.get('state') ?? '')
    const claimed = parameters.get('iss') ?? ''
    if (!reading.ok) {
      refused(partnerOf(from, claimed), `transaction_${reading.reason}`)
      const isOver = reading.reason === 'late' || reading.reason === 'used'
      return errorPage(isOver ? 'sign_in_expired' : 'sign_in_unknown')
    }
    const { transaction, clear } = reading
    const { returnTo, codeVerifier, source: expected } = transaction
    const headers = setCookieHeaders([clear])
    const source = partnerOf(from, expected ?? null)
    // Who answers must be who was asked.
    if (source === undefined || claimed !== source.origin) {
      refused(source, 'wrong_source')
      return errorPage('hand_off_refused', { returnTo, headers })
    }
    try {
      const code = parameters.get('code') ?? ''
      const told = await letters.send(source, 'redeem', { code, verifier: codeVerifier })
      const { issuer, subject = '', link = '', handle = '' } = told
      if (issuer !== provider.issuer || subject === '' || !LINK.test(link)) {
        throw new CoatcheckError('hand_off_refused')
      }
      onEvent({ type: 'hand_off.taken', partner: source.origin })
      const answer = await context.login.signIn({
        cookieHeader,
        returnTo,
        fromOurPage: true,
        remember: false,
        prompt: 'none',
        handOff: { source: source.origin, subject, link, handle, silent: true },
      })
      return { ...answer, headers: [...answer.headers, ...headers] }
    } catch (error) {
      const code = codeOfError(error)
      refused(source, code)
      return errorPage(code, { returnTo, headers })
    }
  }

  async function redeem(
    clientId: string | null,
    authorization: string | undefined,
  ): Promise<Answer> {
    const letter = letters.open('redeem', partnerOf(to, clientId), authorization)
    if (letter === undefined) return notFromPartner(clientId)
    const { partner, contents } = letter
    const { code = '', verifier = '' } = contents
    const reading = await codes.redeem(code, { target: partner.origin, verifier })
    if (!reading.ok) {
      refused(partner, `code_${reading.reason}`)
      return problem('hand_off_code_refused')
    }
    const { sessionId, link, handle, issuer, subject } = reading.contents
    // A sign-out from now on is told to the target, who looks for it before it lets anybody in.
    if ((await store.get(sessionId)) === undefined) {
      refused(partner, 'session_ended')
      return problem('hand_off_code_refused')
    }
    return letter.answer({ issuer, subject, link, handle })
  }

  async function ended(
    clientId: string | null,
    authorization: string | undefined,
  ): Promise<Answer> {
    const partner = partnerOf([...to, ...from], clientId)
    const letter = letters.open('ended', partner, authorization)
    if (letter === undefined) return notFromPartner(clientId)
    const { list } = sessions
    if (list !== undefined) await ties.partnerEnded(letter.partner.origin, letter.contents, list)
    return letter.answer({})
  }

  function notFromPartner(clientId: string | null): Answer {
    refused(partnerOf([...to, ...from], clientId), 'letter_refused')
    return problem('hand_off_refused')
  }

  function refused(partner: HandOffPartner | undefined, reason: string): void {
    onEvent({ type: 'hand_off.refused', partner: partner?.origin ?? 'unknown', reason })
  }

  return { start, authorize, callback, redeem, ended }
}

const NO_REFERRER = ['referrer-policy', 'no-referrer']

function partnerOf(
  partners: readonly HandOffPartner[],
  origin: string | null,
): HandOffPartner | undefined {
  return partners.find((partner) => partner.origin === origin)
}
