import type { ErrorCode } from '../core/error-codes.ts'
import { CoatcheckError } from '../core/errors.ts'
import { isMarked } from '../tokens/token-set-mark.ts'
import type { VerifiedTokenSet } from '../tokens/verified-token-set.ts'
import type { AnswerReader } from './answer-reader.ts'
import type { GrantLedger } from './grant-ledger.ts'
import { type KeptTokens, present, readKeptTokens, writeKeptTokens } from './kept-tokens.ts'
import type { OpenTokenStore, StoreFault } from './token-store.ts'

/** What was found in a store, verified. */
export interface Held {
  readonly text: string
  readonly kept: KeptTokens
  /** Absent when the key that signed it was withdrawn since: nothing of it is believed, but it can be renewed. */
  readonly tokenSet: VerifiedTokenSet | undefined
}

/** What is written beside the tokens. */
export type KeptFacts = Pick<KeptTokens, 'clockOffsetMs' | 'grant' | 'generation' | 'isRenewed'>

/** A store, seen through the verifier: nothing gets in or out unverified. */
export interface Shelf {
  /** Rejects with `key_set_...` or `provider_...` when it cannot be verified just now: it stays where it is. */
  look(): Promise<Held | undefined>
  /**
   * Puts a verified set in place of what was there. With `expected` only if that is still there: else `undefined`.
   * Throws `token_unverified` for anything but a verified set.
   */
  put(tokenSet: VerifiedTokenSet, facts: KeptFacts, expected?: string): Held | undefined
  /** Gives the refresh token up: it is spent, or not ours. */
  withoutRefreshToken(held: Held): Held
  clear(): void
  /** What is there, not verified: good for nothing but to be revoked. */
  peek(): KeptTokens | undefined
  /** Whether this very entry is still there. */
  has(held: Held): boolean
  /** Why the last write went to memory instead. */
  readonly fault: StoreFault | undefined
  readonly faultDetail: string | undefined
}

/** What {@link createShelf} takes. */
export interface ShelfOptions {
  readonly store: OpenTokenStore
  readonly reader: () => Promise<AnswerReader>
  readonly clock: () => number
  readonly ledger: GrantLedger
  /** Is told that an entry was dropped, and why. */
  readonly onDropped: () => void
}

// What says nothing about the entry.
const NOT_NOW: ReadonlySet<ErrorCode> = new Set([
  'key_set_unavailable',
  'key_set_invalid',
  'provider_unavailable',
  'provider_metadata_invalid',
  'database_unavailable',
])

/** Opens a store for verified tokens. */
export function createShelf(options: ShelfOptions): Shelf {
  const { store, reader, clock, ledger, onDropped } = options
  let known: Held | undefined
  let looking: { readonly text: string; readonly held: Promise<Held | undefined> } | undefined
  // What the place did not take.
  let inMemory: string | undefined
  let fault: StoreFault | undefined
  let faultDetail: string | undefined

  const read = (): string | undefined => store.read() ?? inMemory

  function write(held: Held): Held {
    const outcome = store.write(held.text)
    fault = outcome.ok ? undefined : outcome.reason
    faultDetail = outcome.ok ? undefined : outcome.detail
    inMemory = outcome.ok ? undefined : held.text
    // What is left there would be a refresh token that was used up: other tabs must not try it.
    if (!outcome.ok) store.remove()
    known = held
    return held
  }

  function clear(): void {
    inMemory = undefined
    fault = undefined
    known = undefined
    store.remove()
  }

  async function restore(text: string): Promise<Held | undefined> {
    const kept = readKeptTokens(text)
    try {
      if (kept === undefined) throw new CoatcheckError('token_malformed')
      // Written by a renewal that did not know of the sign-out.
      if (await ledger.isEnded(kept.grant)) throw new CoatcheckError('signed_out')
      return { text, kept, tokenSet: await (await reader()).restore(kept) }
    } catch (error) {
      const code = error instanceof CoatcheckError ? error.code : 'internal_error'
      if (NOT_NOW.has(code)) throw error
      // A key that was withdrawn makes no forgery: the provider itself says what the refresh token is worth.
      if (code === 'token_key_unknown' && kept?.refreshToken !== undefined)
        return { text, kept, tokenSet: undefined }
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
    if (text === undefined) known = undefined
    if (text === undefined || known?.text === text) return known
    if (looking?.text !== text) looking = { text, held: restore(text) }
    try {
      const held = await looking.held
      if (held !== undefined && read() === text) known = held
      // What came meanwhile counts.
      return read() === text ? held : look()
    } finally {
      if (looking?.text === text) looking = undefined
    }
  }

  return {
    look,
    clear,
    peek: () => readKeptTokens(read() ?? ''),
    has: ({ text }) => read() === text,
    put: (tokenSet, facts, expected) => {
      if (!isMarked(tokenSet)) throw new CoatcheckError('token_unverified')
      if (expected !== undefined && read() !== expected) return undefined
      const { accessToken, tokenType, refreshToken, idToken, scope } = tokenSet
      const { accessTokenExpiresAt, accessTokenReceivedAt: receivedAt = clock() } = tokenSet
      const kept: KeptTokens = {
        ...{ accessToken, tokenType, receivedAt, ...facts },
        ...present({ refreshToken, idToken, scope, accessTokenExpiresAt }),
      }
      return write({ text: writeKeptTokens(kept), kept, tokenSet })
    },
    withoutRefreshToken: (held) => {
      if (read() !== held.text) return held
      const { refreshToken: _, ...kept } = held.kept
      return write({ ...held, text: writeKeptTokens(kept), kept })
    },
    get fault() {
      return fault
    },
    get faultDetail() {
      return faultDetail
    },
  }
}
