import type { Held, Shelf } from './shelf.ts'
import type { SignedOutReason, TokenState, TokenStateListener } from './token-state.ts'
import { endOf, isOver } from './token-times.ts'

/** Who is told what, and when. */
export interface Telling {
  /** Tells what is there, if it is new; `why` counts when nobody is signed in. Gives back the state. */
  tell(held: Held | undefined, why?: SignedOutReason): TokenState
  subscribe(listener: TokenStateListener): () => void
  close(): void
}

/** What {@link createTelling} takes. */
export interface TellingOptions {
  readonly shelf: Pick<Shelf, 'has'>
  readonly clock: () => number
  readonly renews: boolean
  /** Looks again, and tells. */
  readonly refresh: () => void
  /** Is told whom the listeners are told of. */
  readonly onTold: (subject: string | undefined) => void
}

// A timer goes no further than 25 days.
const MAX_TIMER_MS = 2_000_000_000

/** Tells each state once, and comes back when the access token ends. */
export function createTelling(options: TellingOptions): Telling {
  const { shelf, clock, refresh } = options
  const listeners = new Set<TokenStateListener>()
  let told: TokenState | undefined
  let reason: SignedOutReason | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  let isClosed = false

  function stateOf(held: Held | undefined): TokenState {
    if (held?.verified === undefined) return { state: 'signed_out', ...(reason && { reason }) }
    const end = endOf(held)
    const isRenewable = options.renews && held.kept.refresh_token !== undefined
    const over = isRenewable ? 'renewing' : 'expired'
    return {
      state: isOver(held, clock()) ? over : 'signed_in',
      claims: held.verified.claims,
      ...(end === undefined ? {} : { accessTokenExpiresAt: end }),
      ...(held.fault && { notStored: held.fault.reason }),
    }
  }

  return {
    tell: (held, why) => {
      // Somebody was quicker: what is there now is what counts.
      if (held !== undefined && !shelf.has(held)) {
        refresh()
        return stateOf(held)
      }
      const wasSignedIn = told !== undefined && told.state !== 'signed_out'
      reason =
        held === undefined ? (why ?? (wasSignedIn ? 'signed_out_elsewhere' : reason)) : undefined
      const state = stateOf(held)
      const isNew = JSON.stringify(state) !== JSON.stringify(told)
      told = state
      clearTimeout(timer)
      const end = held && endOf(held)
      if (state.state === 'signed_in' && end !== undefined && !isClosed)
        timer = setTimeout(refresh, Math.min(end - clock(), MAX_TIMER_MS))
      if (isNew && listeners.size > 0) options.onTold(held?.verified?.subject)
      if (isNew) for (const listener of listeners) callListener(listener, state)
      return state
    },
    subscribe: (listener) => {
      listeners.add(listener)
      if (told === undefined) refresh()
      else callListener(listener, told)
      return () => listeners.delete(listener)
    },
    close: () => {
      isClosed = true
      listeners.clear()
      clearTimeout(timer)
    },
  }
}

/** Calls a listener: what it does wrong is the page's to hear of, and no reason to stop. */
export function callListener(listener: TokenStateListener, state: TokenState): void {
  try {
    listener(state)
  } catch (error) {
    reportError(error)
  }
}
