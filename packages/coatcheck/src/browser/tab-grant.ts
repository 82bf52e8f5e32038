import type { KeptTokens } from './kept-tokens.ts'

/** Which tab a sign-in belongs to, where a browser copies a tab's storage when the tab is duplicated. */
export interface TabGrant {
  /**
   * Whether the refresh token of this entry is ours to use: no other living tab has this sign-in, and none that is gone
   * has used it further.
   */
  isOurs(kept: KeptTokens): Promise<boolean>
  /** Notes that the refresh token of this entry is spent, or is not after all. */
  note(kept: KeptTokens, isSpent: boolean): void
  forget(kept: KeptTokens): void
}

// A tab that is reloaded lets go of its lock a moment after its next page begins.
const SETTLE_MS = 1500
const PREFIX = 'coatcheck:grant:'
const KEPT_MS = 30 * 86_400_000

/**
 * A lock for each sign-in, held as long as its tab lives; and a mark in `localStorage` of how far it was renewed, for a
 * copy that outlives its tab. The mark holds a number and a time.
 */
export function createTabGrant(clock: () => number): TabGrant {
  const held = new Map<string, Promise<boolean>>()

  function hold(grant: string): Promise<boolean> {
    return new Promise((resolve) => {
      const signal = AbortSignal.timeout(SETTLE_MS)
      navigator.locks
        .request(PREFIX + grant, { signal }, () => {
          resolve(true)
          // Until this page goes.
          return new Promise(() => {})
        })
        .catch(() => resolve(false))
    })
  }

  const spent = (grant: string): number => {
    try {
      return Number(localStorage.getItem(PREFIX + grant)?.split(' ')[0] ?? -1)
    } catch {
      return -1
    }
  }

  return {
    isOurs: ({ grant, generation }) => {
      // Once it is ours nobody else renews it: what is spent from then on was spent by us.
      const ours = held.get(grant) ?? hold(grant).then((is) => is && spent(grant) < generation)
      held.set(grant, ours)
      return ours
    },
    note: ({ grant, generation }, isSpent) => {
      try {
        for (const key of Object.keys(localStorage)) {
          const at = Number(localStorage.getItem(key)?.split(' ')[1])
          if (key.startsWith(PREFIX) && clock() - at > KEPT_MS) localStorage.removeItem(key)
        }
        localStorage.setItem(PREFIX + grant, `${isSpent ? generation : generation - 1} ${clock()}`)
      } catch {
        // Without the mark a copy that outlives its tab is found out by the provider.
      }
    },
    forget: ({ grant }) => {
      try {
        localStorage.removeItem(PREFIX + grant)
      } catch {
        // As above.
      }
    },
  }
}
