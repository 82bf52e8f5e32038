import type { VerifiedTokenSet } from '../tokens/verified-token-set.ts'
import type { SessionContents } from './contents.ts'
import type { Lifetimes } from './lifetimes.ts'
import type { SessionTies } from './session-ties.ts'

/** What a session is made of. */
export interface CreateSessionInput {
  readonly tokenSet: VerifiedTokenSet
  /** Lives as long as `remembered` says. Default: false. */
  readonly remembered?: boolean
  /** What ties it to sessions of other sites. Kept by tickets alone. */
  readonly ties?: SessionTies
  /** For the card that operators read. */
  readonly userAgent?: string
  readonly address?: string
}

/** The contents of a session that begins now. */
export function beginContents(
  { tokenSet, remembered = false, ties }: CreateSessionInput,
  lifetimes: Lifetimes,
  now: number,
): SessionContents {
  const marks = remembered ? { remembered: true as const } : {}
  const { absoluteMs } = lifetimes.of(marks)
  return {
    tokenSet,
    createdAt: now,
    absoluteEndsAt: now + absoluteMs,
    ...marks,
    ...(ties && { ties }),
  }
}
