import { CoatcheckError } from '../core/errors.ts'
import { type AnswerReader, createAnswerReader, type VerifiedTokens } from './answer-reader.ts'
import type { ApiAddresses } from './api-addresses.ts'
import { callApi } from './api-call.ts'
import type { DpopKeys } from './dpop-keys.ts'
import { exclusively } from './exclusive.ts'
import type { KeptTokens } from './kept-tokens.ts'
import { createPageKeySet } from './page-key-set.ts'
import { createProviderCalls, isTokenAnswer, type TokenAnswer } from './provider-calls.ts'
import { renewInTurn } from './renewal.ts'
import { createShelf, type Held } from './shelf.ts'
import { joinTabs, type TabMessage } from './tabs.ts'
import { createTelling } from './telling.ts'
import type { TokenState, TokenStateListener } from './token-state.ts'
import type { TokenStore } from './token-store.ts'
import { isDue, isOver } from './token-times.ts'
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

// So young a token is not renewed because an API refuses it.
const YOUNG_MS = 10_000

/** Makes a keeper. */
export function createTokenKeeper(settings: KeeperSettings, parts: KeeperParts): TokenKeeper {
  const { issuer, clientId, audience, name, insecure, renews } = settings
  const { store, clock, fetch } = parts
  const proofs = parts.dpop?.open(name, store.traits.survivesReload, clock)
  const calls = createProviderCalls({ issuer, clientId, insecure, fetch, proofs })
  const opened = store.open(name)
  const reuseGraceMs = settings.reuseGraceSeconds * 1000
  const ledger = opened.ledger?.({ clock, reuseGraceMs })
  const isShared = store.traits.sharedWithTabs
  // Where each tab has its own sign-in, none waits for another.
  const lock = isShared ? name : crypto.randomUUID()
  let madeReader: Promise<AnswerReader> | undefined
  let renewing: Promise<Held | undefined> | undefined
  let notBefore = 0
  const sent = { text: '', at: 0 }
  // Whom the page acts for, as far as it was told; and when it last signed in or out by itself.
  let acting: string | undefined
  let signedInAt = 0
  let signOuts = 0

  const shelf = createShelf({
    ...{ store: opened, clock, ledger, reader },
    onDropped: () => tell(undefined, 'entry_refused'),
  })
  const { tell, subscribe, close } = createTelling({
    ...{ shelf, clock, renews, refresh },
    onTold: (subject) => {
      acting ??= subject
    },
  })

  function reader(): Promise<AnswerReader> {
    madeReader ??= calls.metadata().then(
      ({ jwks_uri: url }) => {
        const keySet = createPageKeySet(url, fetch, clock)
        const tokenType = proofs === undefined ? 'Bearer' : 'DPoP'
        return createAnswerReader({ issuer, clientId, audience, tokenType, keySet, clock })
      },
      (error: unknown) => {
        madeReader = undefined
        throw error
      },
    )
    return madeReader
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
    if (!renews) return shelf.look()
    if (renewing === undefined && clock() < notBefore) {
      const seconds = Math.ceil((notBefore - clock()) / 1000)
      return Promise.reject(tryLater('renewal_unavailable', seconds))
    }
    renewing ??= exclusively(lock, () =>
      renewInTurn({ shelf, calls, reader, clock, ledger, reuseGraceMs, sent, isShared }, unlike),
    )
      .then((held) => {
        tell(held, 'renewal_refused')
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

  // The tokens to call with. In one person's page nobody calls as another one: not before the page has heard of it.
  async function current(unlike?: Held): Promise<Held> {
    const found = await look()
    let held = found
    if (found?.kept.refresh_token !== undefined && !isGood(found, unlike)) {
      tell(found)
      held = await renew(unlike).catch((error: unknown) => {
        // While the old access token is good nobody needs to know.
        if (isOver(found, clock())) throw error
        return found
      })
    }
    tell(held)
    if (held === undefined) throw new CoatcheckError('signed_out')
    const former = acting
    acting = held.verified?.subject
    if (former !== undefined && former !== acting) throw new CoatcheckError('signed_in_as_another')
    if (isOver(held, clock())) throw new CoatcheckError('access_token_expired')
    return held
  }

  function isGood(held: Held, unlike: Held | undefined): boolean {
    const age = clock() + held.kept.clock_offset - held.kept.received_at
    const isYoung = Math.abs(age) < YOUNG_MS
    return (held.text !== unlike?.text || isYoung) && !isDue(held, clock())
  }

  async function adopt(verified: VerifiedTokens, since: number): Promise<void> {
    const grant = crypto.randomUUID()
    const held = await exclusively(lock, async () => {
      const former = await shelf.look().catch(() => undefined)
      // Whoever signed out meanwhile stays so.
      if (since !== signOuts) throw new CoatcheckError('sign_in_expired')
      const put = shelf.put(verified, { grant, generation: 0 })
      // The same person's sign-ins may share a grant at the provider: revoking one would end the other.
      if (former !== undefined && former.verified?.subject !== verified.subject)
        void end(former.kept)
      return put
    })
    if (held?.fault?.reason === 'too_large') {
      shelf.clear()
      throw new CoatcheckError('token_store_too_small', held.fault)
    }
    acting = verified.subject
    signedInAt = clock()
    tell(held)
    tabs.tell({ kind: 'changed' })
  }

  // The ledger first: a renewal that is under way must not bring it back.
  async function end({ grant, refresh_token }: KeptTokens): Promise<void> {
    await ledger?.end(grant).catch(() => {})
    await calls.revoke(refresh_token)
  }

  // With its keys: before a code is spent, and before an answer is refused for want of them.
  async function prepared(): Promise<AnswerReader> {
    const ready = await reader()
    await ready.prepare()
    return ready
  }

  // Verified and kept, or revoked: what is not must not live on at the provider.
  async function take(
    { read }: AnswerReader,
    answer: TokenAnswer,
    context: Parameters<AnswerReader['read']>[1],
    since: number,
  ): Promise<void> {
    try {
      await adopt(await read(answer, context), since)
    } catch (error) {
      void calls.revoke(answer.refresh_token)
      throw error
    }
  }

  async function redeem({ given, nonce, iss }: CodeAnswer): Promise<void> {
    const { authorization_response_iss_parameter_supported: isNamed } = await calls.metadata()
    // Another provider's answer, on the way to ours (RFC 9207, 2.4).
    if (iss === null ? isNamed : iss !== issuer) throw new CoatcheckError('sign_in_refused')
    const { code, code_verifier, redirect_uri } = given
    const since = signOuts
    const ready = await prepared()
    const askedAt = clock()
    const call = await calls.token({
      ...{ grant_type: 'authorization_code', code, code_verifier, redirect_uri },
    })
    if (call.kind === 'refused') throw new CoatcheckError('sign_in_expired')
    if (call.kind !== 'answered')
      throw tryLater(call.kind === 'lost' ? 'provider_unavailable' : call.code)
    await take(ready, call.answer, { askedAt, nonce, isFresh: true }, since)
  }

  async function accept(answer: unknown): Promise<void> {
    if (!isTokenAnswer(answer)) throw new CoatcheckError('provider_response_invalid')
    const since = signOuts
    await take(await prepared(), answer, { askedAt: clock(), isFresh: false }, since)
  }

  async function signOut(): Promise<string | undefined> {
    signOuts += 1
    const held = await shelf.look().catch(() => undefined)
    const subject = held?.verified?.subject ?? acting
    const kept = shelf.peek()
    shelf.clear()
    acting = undefined
    tell(undefined, 'signed_out')
    if (kept !== undefined) {
      const ending = end(kept)
      tabs.tell({ kind: 'signed_out', subject, grant: kept.grant, at: clock() })
      await ending
    }
    const metadata = await calls.metadata().catch(() => undefined)
    return metadata?.end_session_endpoint
  }

  function onMessage(message: TabMessage): void {
    if (message.kind === 'changed') return void refresh()
    const { subject, grant, at } = message
    const isMeant = ({ kept, verified }: Held): boolean =>
      isShared ? kept.grant === grant : verified?.subject === subject && signedInAt < at
    shelf.look().then((held) => {
      if (held !== undefined && isMeant(held)) {
        signOuts += 1
        shelf.clear()
        void end(held.kept)
      }
      refresh()
    }, refresh)
  }

  const tabs = joinTabs(name, onMessage)
  const unwatch = opened.watch?.(refresh)

  return {
    state: async () => {
      const held = await look()
      if (held !== undefined) acting = held.verified?.subject
      return tell(held)
    },
    authorizationEndpoint: async () => (await calls.metadata()).authorization_endpoint,
    ...{ redeem, accept, signOut, subscribe },
    fetch: (input, init) => callApi({ allows: parts.allows, fetch, proofs, current }, input, init),
    close: () => {
      close()
      unwatch?.()
      tabs.close()
    },
  }
}
