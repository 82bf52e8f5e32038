import type { Held } from './shelf.ts'

// Renewed so long before the end, at most: a call that is under way must not end in between.
const EARLY_MS = 60_000

/** Until when the access token is good, by this machine's clock; `undefined` when nobody said. */
export function endOf({ kept }: Held): number | undefined {
  const { expires_at: end } = kept
  return end === undefined ? undefined : end - kept.clock_offset
}

/** Whether it is time to renew: a minute before the end, or half of a shorter life. */
export function isDue(held: Held, nowMs: number): boolean {
  const end = endOf(held)
  if (end === undefined) return false
  const startedAt = held.kept.received_at - held.kept.clock_offset
  return nowMs >= end - Math.min(EARLY_MS, (end - startedAt) / 2)
}

/** Whether the access token is over. */
export function isOver(held: Held, nowMs: number): boolean {
  return held.verified === undefined || nowMs >= (endOf(held) ?? Number.POSITIVE_INFINITY)
}
