import type { Clock } from '../core/clock.ts'
import type { EndReason } from './session-store.ts'

/** Which sessions ended in this process, as long as their cookies would open. */
export interface EndedSessions {
  /** False when it had ended already. `until`: when it would have been over anyway. */
  add(id: string, reason: EndReason, until: number): boolean
  reasonOf(id: string): EndReason | undefined
}

const MAX_ENDED = 100_000
const SWEEP_EVERY_MS = 60_000

/**
 * A cookie that was copied opens after sign-out all the same. This process at least remembers what it ended; others
 * cannot know. What would be over by now is forgotten first; beyond so many that would not, the oldest.
 */
export function createEndedSessions(clock: Clock, maxEntries: number = MAX_ENDED): EndedSessions {
  const ended = new Map<string, { readonly reason: EndReason; readonly until: number }>()
  let sweptAt = Number.NEGATIVE_INFINITY

  function sweep(): void {
    const now = clock()
    if (ended.size <= maxEntries && now - sweptAt < SWEEP_EVERY_MS) return
    sweptAt = now
    for (const [id, { until }] of ended) if (until <= now) ended.delete(id)
    const oldest = ended.size > maxEntries ? ended.keys().next().value : undefined
    if (oldest !== undefined) ended.delete(oldest)
  }

  return {
    add: (id, reason, until) => {
      if (ended.has(id)) return false
      ended.set(id, { reason, until })
      sweep()
      return true
    },
    reasonOf: (id) => ended.get(id)?.reason,
  }
}
