import { findCookie, listCookieNames } from '../cookies/parse.ts'
import { type CookieAttributes, deleteCookie, serializeCookie } from '../cookies/serialize.ts'
import { decodeUtf8, encodeBase64url, encodeUtf8 } from '../core/bytes.ts'
import type { Clock } from '../core/clock.ts'
import type { RandomSource } from '../core/random.ts'
import type { KeyRing } from '../ring/key-ring.ts'
import { openValue, sealValue } from '../seal/seal-value.ts'
import type { SessionStore } from '../sessions/session-store.ts'
import type { HandOffNote } from './hand-off-options.ts'

/** What one attempt to sign in has to remember until the provider's answer. */
export interface Transaction {
  readonly state: string
  readonly nonce: string
  readonly codeVerifier: string
  /** Path, query and fragment to go to afterwards. */
  readonly returnTo: string
  /** Whether the person asked to stay signed in on this device. */
  readonly remember: boolean
  /** Which site was asked to hand somebody over. */
  readonly source?: string
  /** Whom another site has handed over. */
  readonly handOff?: HandOffNote
}

/** What a transaction begins with. */
export type TransactionStart = Pick<Transaction, 'returnTo' | 'remember' | 'source' | 'handOff'>

/** What came of looking for the transaction behind a `state`. */
export type TransactionReading =
  | { readonly ok: true; readonly transaction: Transaction; readonly clear: string }
  | { readonly ok: false; readonly reason: 'absent' | 'twins' | 'late' | 'used' | 'tampered' }

/** What {@link createTransactions} needs. */
export interface TransactionsOptions {
  readonly ring: KeyRing
  readonly store: SessionStore
  /** Site, issuer and client: bound into each seal. */
  readonly context: readonly string[]
  /** What each cookie's name begins with. */
  readonly cookiePrefix: string
  readonly clock: Clock
  readonly random: RandomSource
}

/** Starts transactions and finds them again. */
export interface Transactions {
  /** A new transaction and the cookies to set: its own, and the deletion of surplus ones. */
  start(
    cookieHeader: string | undefined,
    begin: TransactionStart,
  ): Promise<{ readonly transaction: Transaction; readonly setCookies: readonly string[] }>
  /** Finds the transaction of a `state` and uses it up: the second time it is `used`. */
  take(cookieHeader: string | undefined, state: string): Promise<TransactionReading>
}

/** How long a sign-in may take. */
export const TRANSACTION_SECONDS = 600

/** How many sign-ins of one browser may be under way: more cookies would fill the header (431). */
export const MAX_TRANSACTIONS = 6

const MAX_COOKIE_RETURN_CHARACTERS = 600
const MAX_LONG_RETURNS_A_MINUTE = 300

// The provider's answer is a cross-site navigation: a Strict cookie would stay behind.
const ATTRIBUTES: CookieAttributes = { secure: true, httpOnly: true, sameSite: 'Lax', path: '/' }

/**
 * Sign-in transactions, one cookie each, so that several tabs can sign in at once. Each is sealed, bound to
 * its own name, good for ten minutes and for one use (also across processes: the store's `claim`).
 *
 * @see RFC 9700, sections 2.1 and 4.7; RFC 7636
 */
export function createTransactions(options: TransactionsOptions): Transactions {
  const { ring, store, cookiePrefix, clock, random } = options
  const token = (bytes: number): string => encodeBase64url(random(bytes))
  const sealOptions = (name: string) => ({
    purpose: 'transaction' as const,
    context: [...options.context, name],
  })

  async function start(cookieHeader: string | undefined, begin: TransactionStart) {
    const { returnTo, remember, source, handOff } = begin
    const about = { ...(source && { source }), ...(handOff && { handOff }) }
    const now = clock()
    const suffix = `${Math.floor(now / 1000).toString(36)}.${token(12)}`
    const name = cookiePrefix + suffix
    const kept = await keepReturn(suffix, returnTo, now)
    const transaction = {
      state: `${suffix}.${token(16)}`,
      nonce: token(16),
      codeVerifier: token(32),
    }
    const bytes = encodeUtf8(
      JSON.stringify({
        ...transaction,
        ...kept,
        ...(remember ? { remember } : {}),
        ...about,
        startedAt: now,
      }),
    )
    const value = sealValue(ring, { ...sealOptions(name), bytes, random })
    const setCookies = [
      serializeCookie(name, value, { ...ATTRIBUTES, maxAgeSeconds: TRANSACTION_SECONDS }),
      ...surplus(cookieHeader, now).map((old) => deleteCookie(old, ATTRIBUTES)),
    ]
    return { transaction: { ...transaction, returnTo, remember, ...about }, setCookies }
  }

  // A long address would not leave room for other cookies: it waits in the store.
  async function keepReturn(suffix: string, returnTo: string, now: number) {
    if (returnTo.length <= MAX_COOKIE_RETURN_CHARACTERS) return { returnTo }
    const expiresAt = now + TRANSACTION_SECONDS * 1000
    // Nobody has signed in yet: what strangers can make us store is bounded, and beyond it the way back is lost.
    const minute = Math.floor(now / 60_000)
    const hasRoom = await store.claim(`returns:${minute}`, now + 120_000, MAX_LONG_RETURNS_A_MINUTE)
    if (!hasRoom) return { returnTo: '/' }
    const value = sealValue(ring, { ...sealOptions(suffix), bytes: encodeUtf8(returnTo), random })
    await store.putBlob(`return:${suffix}`, encodeUtf8(value), expiresAt)
    return {}
  }

  async function fetchReturn(suffix: string): Promise<string> {
    const blob = await store.takeBlob(`return:${suffix}`)
    const value = blob === undefined ? undefined : decodeUtf8(blob)
    if (value === undefined) return '/'
    const opened = openValue(ring, { ...sealOptions(suffix), value })
    return (opened.ok ? decodeUtf8(opened.bytes) : undefined) ?? '/'
  }

  function surplus(cookieHeader: string | undefined, now: number): readonly string[] {
    const names = [...new Set(listCookieNames(cookieHeader, cookiePrefix))]
    const valid = names.filter((name) =>
      /^[0-9a-z]{1,9}\.[\w-]{16}$/.test(name.slice(cookiePrefix.length)),
    )
    const born = (name: string): number => startedAtOf(name.slice(cookiePrefix.length))
    const sorted = valid.sort((one, other) => born(other) - born(one))
    return sorted.filter((name, index) => {
      return index >= MAX_TRANSACTIONS - 1 || now - born(name) > TRANSACTION_SECONDS * 1000
    })
  }

  async function take(
    cookieHeader: string | undefined,
    state: string,
  ): Promise<TransactionReading> {
    const suffix = /^([0-9a-z]{1,9}\.[\w-]{16})\.[\w-]{22}$/.exec(state)?.[1]
    if (suffix === undefined) return { ok: false, reason: 'absent' }
    const name = cookiePrefix + suffix
    const cookie = findCookie(cookieHeader, name)
    if (!cookie.ok) return { ok: false, reason: cookie.reason }
    const opened = openValue(ring, { ...sealOptions(name), value: cookie.value })
    const kept = opened.ok ? readKept(decodeUtf8(opened.bytes)) : undefined
    if (kept === undefined || kept.state !== state) return { ok: false, reason: 'tampered' }
    const expiresAt = kept.startedAt + TRANSACTION_SECONDS * 1000
    if (clock() >= expiresAt) return { ok: false, reason: 'late' }
    if (!(await store.claim(`transaction:${suffix}`, expiresAt)))
      return { ok: false, reason: 'used' }
    const returnTo = kept.returnTo ?? (await fetchReturn(suffix))
    const { nonce, codeVerifier, remember = false, source, handOff } = kept
    const about = { ...(source && { source }), ...(handOff && { handOff }) }
    return {
      ok: true,
      transaction: { state, nonce, codeVerifier, returnTo, remember, ...about },
      clear: deleteCookie(name, ATTRIBUTES),
    }
  }

  return { start, take }
}

function startedAtOf(suffix: string): number {
  return Number.parseInt(suffix.slice(0, suffix.indexOf('.')), 36) * 1000
}

interface Kept {
  readonly state: string
  readonly nonce: string
  readonly codeVerifier: string
  readonly returnTo?: string
  readonly remember?: true
  readonly source?: string
  readonly handOff?: HandOffNote
  readonly startedAt: number
}

// The seal vouches for the content; its shape was written above.
function readKept(text: string | undefined): Kept | undefined {
  return text === undefined ? undefined : (JSON.parse(text) as Kept)
}
