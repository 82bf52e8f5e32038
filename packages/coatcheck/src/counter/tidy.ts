import type { Clock } from '../core/clock.ts'
import { codeOfError } from '../core/errors.ts'
import type { BrowserSessions } from '../sessions/browser-sessions.ts'
import type { CounterOptions } from './options.ts'

const EVERY_MS = 60_000
const LIMIT = 500

/**
 * Sweeps a little when somebody signs in, at most once a minute and in nobody's way: a store grows by
 * sign-ins alone, and a library has no timer of its own. Whoever calls `counter.sweep` besides is welcome.
 */
export function createTidy(
  sessions: Pick<BrowserSessions, 'sweep'>,
  clock: Clock,
  onEvent: NonNullable<CounterOptions['onEvent']>,
): () => void {
  let tidiedAt = Number.NEGATIVE_INFINITY
  return () => {
    const now = clock()
    if (now - tidiedAt < EVERY_MS) return
    tidiedAt = now
    sessions.sweep(LIMIT).catch((error: unknown) => {
      const code = codeOfError(error)
      onEvent({ type: 'sweep.failed', code })
    })
  }
}
