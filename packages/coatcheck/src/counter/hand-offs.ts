import type { CookieNames } from '../cookies/names.ts'
import type { Clock } from '../core/clock.ts'
import type { RandomSource } from '../core/random.ts'
import { createHandOff, type HandOff } from '../login/hand-off.ts'
import { createHandOffCodes } from '../login/hand-off-codes.ts'
import { createLetters } from '../login/hand-off-letters.ts'
import { createHandOffTies, type HandOffTies } from '../login/hand-off-ties.ts'
import type { Login } from '../login/login.ts'
import { createTransactions } from '../login/transaction.ts'
import type { BrowserSessions } from '../sessions/browser-sessions.ts'
import type { SessionStore } from '../sessions/session-store.ts'
import type { CounterEvent, CounterOptions } from './options.ts'

/** What hand-offs need besides the options of a counter. */
export interface HandOffsContext {
  readonly store: SessionStore
  readonly names: CookieNames
  readonly clock: Clock
  readonly random: RandomSource
  readonly onEvent: (event: CounterEvent) => void
}

/** Hand-offs, made in two steps: sessions tell `ties` when they end, and the addresses need sessions and sign-in. */
export interface HandOffs {
  readonly ties: HandOffTies
  serve(sessions: BrowserSessions, login: Login): HandOff
}

/** `undefined` where no other site is named. */
export function createHandOffs(
  { origin, provider, ring, handOff }: CounterOptions,
  { store, names, clock, random, onEvent }: HandOffsContext,
): HandOffs | undefined {
  const { to = [], from = [], fetch } = handOff ?? {}
  if (to.length === 0 && from.length === 0) return undefined
  const letters = createLetters({ origin, fetch, clock, random })
  const ties = createHandOffTies({ origin, ring, to, from, letters, store, random, onEvent })
  const transactions = createTransactions({
    ...{ ring, store, clock, random },
    context: [origin, provider.issuer, provider.clientId, 'hand-off'],
    cookiePrefix: `${names.transactionPrefix}hand-off-`,
  })
  const codes = createHandOffCodes({ ring, site: origin, store, clock, random })
  return {
    ties,
    serve: (sessions, login) =>
      createHandOff({
        ...{ origin, store, provider, sessions, login },
        ...{ to, from, transactions, codes, letters, ties, onEvent },
      }),
  }
}
