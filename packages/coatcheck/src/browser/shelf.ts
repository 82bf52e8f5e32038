import { CoatcheckError } from '../core/errors.ts'
import { type AnswerReader, areVerified, type VerifiedTokens } from './answer-reader.ts'
import type { GrantLedger } from './grant-ledger.ts'
import { type KeptTokens, readKeptTokens, writeKeptTokens } from './kept-tokens.ts'
import type { OpenTokenStore, StoreOutcome } from './token-store.ts'

/** What a place said that did not take tokens. */
export type StoreFaultOutcome = Extract<StoreOutcome, { readonly ok: false }>

/** What was found in a store, verified. */
export interface Held {
  readonly text: string
  readonly kept: KeptTokens
  /** Absent when the key that signed it was withdrawn since: nothing of it is believed, but it can be renewed. */
  readonly verified: VerifiedTokens | undefined
  /** Why it is in memory instead: the place did not take it. */
  readonly fault?: StoreFaultOutcome
}

/** A store, seen through the verifier: nothing gets in or out unverified. */
export interface Shelf {
  /** Rejects with `key_set_...` or `provider_...` when it cannot be verified just now: it stays where it is. */
  look(): Promise<Held | undefined>
  /**
   * Puts a verified set in place of what was there. With `expected` only if that is still there: else `undefined`.
   * Throws `token_unverified` for anything but a verified set.
   */
  put(
    verified: VerifiedTokens,
    place: Pick<KeptTokens, 'grant' | 'generation'>,
    expected?: string,
  ): Held | undefined
  /** Gives the refresh token up: it is spent, or not ours. */
  withoutRefreshToken(held: Held): Held
  clear(): void
  /** What is there, not verified: good for nothing but to be revoked. */
  peek(): KeptTokens | undefined
  /** Whether this very entry is still there. */
  has(held: Held): boolean
}

/** What {@link createShelf} takes. */
export interface ShelfOptions {
  readonly store: OpenTokenStore
  readonly reader: () => Promise<AnswerReader>
  readonly clock: () => number
  readonly ledger: GrantLedger | undefined
  /** Is told that an entry was dropped, and why. */
  readonly onDropped: () => void
}

// What nobody has used for so long is over: the ledger has forgotten it, too.
const KEPT_MS = 90 * 86_400_000
// Codes that say nothing about the entry: it cannot be verified just now.
const NOT_NOW = /^(?:key_set|provider_(?:unavailable|metadata)|database)/

/** Opens a store for verified tokens. */
export function createShelf(options: ShelfOptions): Shelf {
  const { store, reader, clock, ledger, onDropped } = options
  let known: { readonly text: string; readonly held: Promise<Held | undefined> } | undefined
  // What the place did not take.
  let inMemory: string | undefined

  function read(): string | undefined {
    const text = store.read()
    // Somebody has signed in since: what the place did not take is over.
    if (text !== undefined) inMemory = undefined
    return text ?? inMemory
  }

  function write(kept: KeptTokens, verified: VerifiedTokens | undefined): Held {
    const text = writeKeptTokens(kept)
    const outcome = store.write(text)
    const held: Held = { text, kept, verified, ...(outcome.ok ? {} : { fault: outcome }) }
    known = { text, held: Promise.resolve(held) }
    inMemory = outcome.ok ? undefined : text
    // What is left there would be a refresh token that was used up: other tabs must not try it.
    if (!outcome.ok) store.remove()
    return held
  }

  function clear(): void {
    inMemory = undefined
    known = undefined
    store.remove()
  }

  async function restore(text: string): Promise<Held | undefined> {
    const kept = readKeptTokens(text)
    try {
      if (kept === undefined || clock() - (kept.expires_at ?? kept.received_at) > KEPT_MS)
        throw new CoatcheckError('token_malformed')
      // Written by a renewal that did not know of the sign-out.
      if (await ledger?.isEnded(kept.grant).catch(() => false))
        throw new CoatcheckError('signed_out')
      return { text, kept, verified: await (await reader()).restore(kept) }
    } catch (error) {
      if (!(error instanceof CoatcheckError) || NOT_NOW.test(error.code)) throw error
      // A key that was withdrawn makes no forgery: the provider itself says what the refresh token is worth.
      if (error.code === 'token_key_unknown' && kept?.refresh_token !== undefined)
        return { text, kept, verified: undefined }
      // Another tab may have written since.
      if (read() === text) {
        clear()
        onDropped()
      }
      return undefined
    }
  }

  async function look(): Promise<Held | undefined> {
    const text = read()
    if (text === undefined) return undefined
    if (known?.text !== text) known = { text, held: restore(text) }
    try {
      const held = await known.held
      // What came meanwhile counts.
      return read() === text ? held : look()
    } catch (error) {
      if (known?.text === text) known = undefined
      throw error
    }
  }

  return {
    look,
    clear,
    peek: () => readKeptTokens(read() ?? ''),
    has: ({ text }) => read() === text,
    put: (verified, place, expected) => {
      if (!areVerified(verified)) throw new CoatcheckError('token_unverified')
      if (expected !== undefined && read() !== expected) return undefined
      return write({ ...verified.tokens, ...place }, verified)
    },
    withoutRefreshToken: (held) => {
      if (read() !== held.text) return held
      const { refresh_token: _, ...kept } = held.kept
      return write(kept, held.verified)
    },
  }
}
