import type { Clock } from '../core/clock.ts'

/** Keeps a provider that does not answer from being asked by every session. */
export interface CircuitBreaker {
  /** Whether nobody may ask now. */
  isOpen(): boolean
  /** Like it, for one who asks if he may: after a pause that is one caller at a time. */
  admit(): boolean
  /** Milliseconds until another try makes sense; at least 1 while it is open. */
  waitMs(): number
  /** It answered, whatever it said. */
  answered(): void
  /** It did not; with `holdMs` it asked to be left alone so long. */
  failed(holdMs?: number): void
}

/** What {@link createCircuitBreaker} needs. */
export interface CircuitBreakerOptions {
  readonly clock: Clock
  /** A number from 0 to 1, so that processes do not come back at once. */
  readonly jitter: () => number
  readonly onPause: (ms: number) => void
  readonly onResume: () => void
}

/** So many failures in a row, over all sessions, are no accident. */
const FAILURES = 10
const FIRST_PAUSE_MS = 1000
const MAX_PAUSE_MS = 30_000
// One who was admitted and never came back, for whatever reason, must not keep all others out.
const TRIAL_MS = 30_000

/** A breaker for one provider. After a pause one call tries; the pauses double up to half a minute. */
export function createCircuitBreaker(options: CircuitBreakerOptions): CircuitBreaker {
  const { clock, jitter } = options
  let failures = 0
  let pauseMs = 0
  let openUntil = 0
  let tryingUntil = 0

  const isOpen = (): boolean => pauseMs > 0 && clock() < Math.max(openUntil, tryingUntil)

  return {
    isOpen,
    admit: () => {
      if (isOpen()) return false
      if (pauseMs > 0) tryingUntil = clock() + TRIAL_MS
      return true
    },
    waitMs: () => Math.max(1, openUntil - clock()),
    answered: () => {
      const wasOpen = pauseMs > 0
      failures = 0
      pauseMs = 0
      tryingUntil = 0
      if (wasOpen) options.onResume()
    },
    failed: (holdMs) => {
      failures += 1
      if (holdMs === undefined && failures < FAILURES && pauseMs === 0) return
      // Calls that were under way when it opened say nothing new.
      if (pauseMs > 0 && tryingUntil === 0) return
      pauseMs = Math.min(pauseMs === 0 ? FIRST_PAUSE_MS : pauseMs * 2, MAX_PAUSE_MS)
      const ownMs = pauseMs * (0.75 + jitter() / 2)
      const ms = Math.round(Math.max(ownMs, Math.min(holdMs ?? 0, MAX_PAUSE_MS)))
      openUntil = clock() + ms
      tryingUntil = 0
      options.onPause(ms)
    },
  }
}
