import type { Clock } from '../core/clock.ts'
import type { EndReason } from './session-store.ts'

/** Which sessions ended in this process, as long as their cookies would open. */
export interface EndedSessions {
  /** False when it had ended already. `until`: when it would have been over anyway. */
  add(id: string, reason: EndReason, until: number): boolean
  reasonOf(id: string): EndReason | undefined
}

const MAX_ENDED = 100_000

/**
 * A cookie that was copied opens after sign-out all the same. This process at least remembers what it ended; others
 * cannot know, and beyond so many the oldest are forgotten.
 */
export function createEndedSessions(clock: Clock, maxEntries: number = MAX_ENDED): EndedSessions {
  const ended = new Map<string, { readonly reason: EndReason; readonly until: number }>()

  function forget(): void {
    for (const [id, { until }] of ended) {
      if (ended.size <= maxEntries && until > clock()) return
      ended.delete(id)
    }
  }

  return {
    add: (id, reason, until) => {
      if (ended.has(id)) return false
      ended.set(id, { reason, until })
      forget()
      return true
    },
    reasonOf: (id) => ended.get(id)?.reason,
  }
}
