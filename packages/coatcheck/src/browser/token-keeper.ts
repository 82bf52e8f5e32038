import { CoatcheckError } from '../core/errors.ts'
import { type AnswerReader, createAnswerReader, type VerifiedTokens } from './answer-reader.ts'
import type { ApiAddresses } from './api-addresses.ts'
import { callApi } from './api-call.ts'
import type { DpopKeys } from './dpop-keys.ts'
import { exclusively } from './exclusive.ts'
import { createOwnLedger } from './grant-ledger.ts'
import type { KeptTokens } from './kept-tokens.ts'
import { createPageKeySet } from './page-key-set.ts'
import { createProviderCalls, isTokenAnswer, type TokenAnswer } from './provider-calls.ts'
import { renewInTurn } from './renewal.ts'
import { createShelf, type Held } from './shelf.ts'
import { joinTabs, type TabMessage } from './tabs.ts'
import type { SignedOutReason, TokenState, TokenStateListener } from './token-state.ts'
import type { TokenStore } from './token-store.ts'
import { endOf, isDue, isOver } from './token-times.ts'
import { tryLater } from './try-later.ts'

/** What a keeper needs to know. */
export interface KeeperSettings {
  readonly issuer: string
  readonly clientId: string
  readonly audience: string | undefined
  /** Names store, lock and channel. */
  readonly name: string
  readonly insecure: boolean
  readonly reuseGraceSeconds: number
  readonly renews: boolean
}

/** What a keeper works with. */
export interface KeeperParts {
  readonly store: TokenStore
  readonly allows: ApiAddresses
  readonly clock: () => number
  readonly fetch: typeof fetch
  readonly dpop: DpopKeys | undefined
}

/** A code, and what was remembered of the sign-in that it answers. */
export interface CodeAnswer {
  readonly given: {
    readonly code: string
    readonly code_verifier: string
    readonly redirect_uri: string
  }
  readonly nonce: string
  /** RFC 9207. */
  readonly iss: string | null
}

/** Keeps a token set and uses it: in the page itself, or in its worker. */
export interface TokenKeeper {
  state(): Promise<TokenState>
  authorizationEndpoint(): Promise<string>
  redeem(answer: CodeAnswer): Promise<void>
  accept(answer: unknown): Promise<void>
  fetch(input: string | URL | Request, init?: RequestInit): Promise<Response>
  /** Gives back where the provider ends its own session. */
  signOut(): Promise<string | undefined>
  subscribe(listener: TokenStateListener): () => void
  close(): void
}

// A timer goes no further than 25 days.
const MAX_TIMER_MS = 2_000_000_000

/** Makes a keeper. */
export function createTokenKeeper(settings: KeeperSettings, parts: KeeperParts): TokenKeeper {
  const { issuer, clientId, audience, name, insecure } = settings
  const { store, clock, fetch } = parts
  const proofs = parts.dpop?.open(name, store.traits.survivesReload, clock)
  const calls = createProviderCalls({ issuer, clientId, insecure, fetch, proofs })
  const listeners = new Set<TokenStateListener>()
  const opened = store.open(name)
  const times = { clock, reuseGraceMs: settings.reuseGraceSeconds * 1000 }
  const ledger = opened.ledger?.(times) ?? createOwnLedger(times)
  let signedOutReason: SignedOutReason | undefined
  let told: TokenState | undefined
  let toldSubject: string | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  let madeReader: Promise<AnswerReader> | undefined
  let renewing: Promise<Held | undefined> | undefined
  let notBefore = 0

  const shelf = createShelf({
    store: opened,
    clock,
    ledger,
    reader,
    onDropped: () => {
      signedOutReason = 'entry_refused'
    },
  })

  function reader(): Promise<AnswerReader> {
    madeReader ??= calls.metadata().then(
      ({ jwks_uri: url }) => {
        const keySet = createPageKeySet(url, fetch, clock)
        return createAnswerReader({ issuer, clientId, audience, keySet, clock })
      },
      (error: unknown) => {
        madeReader = undefined
        throw error
      },
    )
    return madeReader
  }

  function stateOf(held: Held | undefined): TokenState {
    if (held?.verified === undefined) {
      return { state: 'signed_out', ...(signedOutReason && { reason: signedOutReason }) }
    }
    const end = endOf(held)
    const isRenewable = settings.renews && held.kept.refresh_token !== undefined
    const over = isRenewable ? 'renewing' : 'expired'
    return {
      state: isOver(held, clock()) ? over : 'signed_in',
      claims: held.verified.claims,
      ...(end === undefined ? {} : { accessTokenExpiresAt: end }),
      ...(held.fault && { notStored: held.fault.reason }),
    }
  }

  // Tells what is new, and comes back when the access token ends.
  function tell(held: Held | undefined): TokenState {
    if (held === undefined && toldSubject !== undefined) signedOutReason ??= 'signed_out_elsewhere'
    const state = stateOf(held)
    if (held !== undefined) signedOutReason = undefined
    const isNew = JSON.stringify(state) !== JSON.stringify(told)
    told = state
    toldSubject = held?.verified?.subject
    clearTimeout(timer)
    const end = held && endOf(held)
    if (state.state === 'signed_in' && end !== undefined) {
      timer = setTimeout(refresh, Math.min(end - clock(), MAX_TIMER_MS))
    }
    if (isNew) for (const listener of listeners) callListener(listener, state)
    return state
  }

  function refresh(): void {
    // When it cannot be verified just now, the next call tells.
    look().then(tell, () => {})
  }

  async function look(): Promise<Held | undefined> {
    const held = await shelf.look()
    // Its key was withdrawn: the provider knows whether it goes on.
    return held !== undefined && held.verified === undefined ? renew(held) : held
  }

  function renew(unlike?: Held): Promise<Held | undefined> {
    if (!settings.renews) return shelf.look()
    if (renewing === undefined && clock() < notBefore) {
      const seconds = Math.ceil((notBefore - clock()) / 1000)
      return Promise.reject(tryLater('renewal_unavailable', seconds))
    }
    renewing ??= exclusively(name, () => {
      const isShared = store.traits.sharedWithTabs
      return renewInTurn({ shelf, calls, reader, clock, ledger, isShared }, unlike)
    })
      .then((held) => {
        if (held === undefined) signedOutReason ??= 'renewal_refused'
        tell(held)
        tabs.tell({ kind: 'changed' })
        return held
      })
      .catch((error: unknown) => {
        if (error instanceof CoatcheckError && error.retryAfterSeconds !== undefined)
          notBefore = clock() + error.retryAfterSeconds * 1000
        throw error
      })
      .finally(() => {
        renewing = undefined
      })
    return renewing
  }

  // The tokens to call with. In one person's page nobody calls as another one.
  async function current(unlike?: Held): Promise<Held> {
    const former = toldSubject
    const found = await look()
    const held = found && isGood(found, unlike) ? found : await renewed(found, unlike)
    if (former !== undefined && held?.verified?.subject !== former) {
      tell(held)
      if (held !== undefined) throw new CoatcheckError('signed_in_as_another')
    }
    if (held === undefined) {
      tell(held)
      throw new CoatcheckError('signed_out')
    }
    if (toldSubject === undefined) tell(held)
    if (isOver(held, clock())) {
      tell(held)
      throw new CoatcheckError('access_token_expired')
    }
    return held
  }

  const isGood = (held: Held, unlike: Held | undefined): boolean =>
    held.text !== unlike?.text && !isDue(held, clock())

  async function renewed(held: Held | undefined, unlike?: Held): Promise<Held | undefined> {
    if (held?.kept.refresh_token === undefined) return held
    if (isOver(held, clock())) tell(held)
    try {
      return await renew(unlike)
    } catch (error) {
      // While the old access token is good nobody needs to know.
      if (isOver(held, clock())) throw error
      return held
    }
  }

  async function adopt(verified: VerifiedTokens): Promise<void> {
    const grant = crypto.randomUUID()
    const held = await exclusively(name, async () => {
      const former = await shelf.look().catch(() => undefined)
      const put = shelf.put(verified, { grant, generation: 0 })
      // The same person's sign-ins may share a grant at the provider: revoking one would end the other.
      if (former !== undefined && former.verified?.subject !== verified.subject)
        void end(former.kept)
      return put
    })
    if (held?.fault?.reason === 'too_large') {
      shelf.clear()
      void end(held.kept)
      throw new CoatcheckError('token_store_too_small', held.fault)
    }
    tell(held)
    tabs.tell({ kind: 'changed' })
  }

  // The ledger first: a renewal that is under way must not bring it back.
  async function end({ grant, refresh_token }: KeptTokens): Promise<void> {
    await ledger.end(grant).catch(() => {})
    await calls.revoke(refresh_token)
  }

  // Verified, or revoked: what is refused must not live on at the provider.
  async function take(
    answer: TokenAnswer,
    context: Parameters<AnswerReader['read']>[1],
  ): Promise<void> {
    const verified = await (await reader()).read(answer, context).catch((error: unknown) => {
      void calls.revoke(answer.refresh_token)
      throw error
    })
    await adopt(verified)
  }

  async function redeem({ given, nonce, iss }: CodeAnswer): Promise<void> {
    const { authorization_response_iss_parameter_supported: isNamed } = await calls.metadata()
    // Another provider's answer, on the way to ours (RFC 9207, 2.4).
    if (iss === null ? isNamed : iss !== issuer) throw new CoatcheckError('sign_in_refused')
    const { code, code_verifier, redirect_uri } = given
    const askedAt = clock()
    const call = await calls.token({
      ...{ grant_type: 'authorization_code', code, code_verifier, redirect_uri },
    })
    if (call.kind === 'refused') throw new CoatcheckError('sign_in_expired')
    if (call.kind !== 'answered')
      throw tryLater(call.kind === 'lost' ? 'provider_unavailable' : call.code)
    await take(call.answer, { askedAt, nonce, isFresh: true })
  }

  async function accept(answer: unknown): Promise<void> {
    if (!isTokenAnswer(answer)) throw new CoatcheckError('provider_response_invalid')
    await take(answer, { askedAt: clock(), isFresh: false })
  }

  async function signOut(): Promise<string | undefined> {
    const held = await shelf.look().catch(() => undefined)
    const subject = held?.verified?.subject ?? toldSubject
    const kept = shelf.peek()
    shelf.clear()
    signedOutReason = 'signed_out'
    tell(undefined)
    if (subject !== undefined) tabs.tell({ kind: 'signed_out', subject })
    if (kept !== undefined) await end(kept)
    const metadata = await calls.metadata().catch(() => undefined)
    return metadata?.end_session_endpoint
  }

  function onMessage(message: TabMessage): void {
    if (message.kind === 'changed') refresh()
    else shelf.look().then((held) => signedOutElsewhere(held, message.subject), refresh)
  }

  function signedOutElsewhere(held: Held | undefined, subject: string): void {
    if (held !== undefined && held.verified?.subject !== subject) return
    if (held !== undefined) {
      shelf.clear()
      void end(held.kept)
    }
    tell(undefined)
  }

  const tabs = joinTabs(name, onMessage)
  const unwatch = opened.watch?.(refresh)

  return {
    state: async () => tell(await look()),
    authorizationEndpoint: async () => (await calls.metadata()).authorization_endpoint,
    redeem,
    accept,
    signOut,
    fetch: (input, init) => callApi({ allows: parts.allows, fetch, proofs, current }, input, init),
    subscribe: (listener) => {
      listeners.add(listener)
      if (told === undefined) refresh()
      else callListener(listener, told)
      return () => listeners.delete(listener)
    },
    close: () => {
      clearTimeout(timer)
      unwatch?.()
      tabs.close()
    },
  }
}

// What a listener does wrong is the page's to hear of, and no reason to stop.
function callListener(listener: TokenStateListener, state: TokenState): void {
  try {
    listener(state)
  } catch (error) {
    reportError(error)
  }
}
