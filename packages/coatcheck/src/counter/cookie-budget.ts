import { headerBytesAfter } from '../cookies/header-bytes.ts'
import type { Clock } from '../core/clock.ts'
import type { CounterOptions } from './options.ts'

/** Looks at what an answer sets, beside the cookies that its request brought. */
export type CookieBudget = (cookieHeader: string | undefined, setCookies: readonly string[]) => void

const WARN_AT = 0.75
const EVERY_MS = 60_000

/**
 * Warns before a browser's Cookie header is larger than servers and proxies on the way take: they answer 400 or 431,
 * and nothing but deleting cookies by hand helps. Once a minute at most.
 *
 * @see RFC 6585, section 5
 */
export function createCookieBudget(
  budgetBytes: number,
  clock: Clock,
  onEvent: NonNullable<CounterOptions['onEvent']>,
): CookieBudget {
  let warnedAt = Number.NEGATIVE_INFINITY
  return (cookieHeader, setCookies) => {
    if (setCookies.length === 0) return
    const bytes = headerBytesAfter(cookieHeader, setCookies)
    if (bytes <= budgetBytes * WARN_AT || clock() - warnedAt < EVERY_MS) return
    warnedAt = clock()
    onEvent({ type: 'cookies.near_limit', bytes, budget: budgetBytes })
  }
}
