import { type Clock, systemClock } from '../core/clock.ts'
import { CoatcheckError } from '../core/errors.ts'

/** How much is remembered. */
export interface JtiMemoryOptions {
  /**
   * How many proofs that can still be replayed are remembered, about 120 bytes each. When it is full, every
   * proof is refused. Default: 1000000, which is 15,000 proofs a second at the default age.
   */
  readonly maxEntries?: number
  /** Milliseconds since 1970; the one of the verifier. Default: the machine's clock. */
  readonly clock?: Clock
}

/** Which proofs this process has seen. */
export interface JtiMemory {
  /** `true` for the first who asks, as long as the name lives; `false` for all others, and when it is full. */
  claim(jti: string, expiresAtMs: number): boolean
  /** How many are remembered; of those that are over, some are dropped with each claim. */
  size(): number
}

const DEFAULT_MAX_ENTRIES = 1_000_000
const MAX_DROPPED = 64

/**
 * Remembers proofs in this process: for servers of one process. Several need one memory that they share, such as
 * Redis with `SET name 1 NX PXAT expiresAtMs`.
 *
 * It refuses when it is full of names that live: to forget one would let its proof in again.
 *
 * Throws `invalid_configuration` for a bound that is none.
 *
 * @see RFC 9449, section 11.1
 * @example
 * const verifier = createDpopVerifier({ claimJti: createJtiMemory().claim })
 */
export function createJtiMemory(options: JtiMemoryOptions = {}): JtiMemory {
  const { maxEntries = DEFAULT_MAX_ENTRIES, clock = systemClock } = options
  if (!Number.isSafeInteger(maxEntries) || maxEntries < 1) {
    const detail = 'createJtiMemory: maxEntries must be a whole number, 1 or more.'
    throw new CoatcheckError('invalid_configuration', { detail })
  }
  const ends = new Map<string, number>()
  // The map's names in their order, the first of them at `head`. To ask the map for its oldest name would cost a
  // step for each that was deleted before.
  let queue: string[] = []
  let head = 0

  // The oldest that lives ends the search: shorter ones behind it stay a little longer, at most as long as proofs are
  // good. A few with each claim are enough, as each adds one: all at once would hold up everything after a rush.
  function drop(now: number): void {
    for (let dropped = 0; dropped < MAX_DROPPED; dropped += 1) {
      const jti = queue[head]
      if (jti === undefined || (ends.get(jti) ?? 0) > now) break
      ends.delete(jti)
      head += 1
    }
    // Fewer move up than were dropped.
    if (head > queue.length / 2) {
      queue = queue.slice(head)
      head = 0
    }
  }

  return {
    claim: (jti, expiresAtMs) => {
      const now = clock()
      drop(now)
      const isLasting = expiresAtMs > now && Number.isFinite(expiresAtMs)
      if (!isLasting || ends.has(jti) || ends.size >= maxEntries) return false
      ends.set(jti, expiresAtMs)
      queue.push(jti)
      return true
    },
    size: () => ends.size,
  }
}
