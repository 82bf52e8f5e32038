import type { VerifiedTokenSet } from '../tokens/verified-token-set.ts'
import type { SessionContents } from './contents.ts'

const MAX_JITTER = 0.25
const FIRST_RETRY_MS = 500
const MAX_RETRY_MS = 30_000
/** The most that a provider's Retry-After is believed. */
export const MAX_RETRY_AFTER_MS = 300_000

/**
 * When a session's access token should be renewed: so long before its end, less up to a quarter of that, which
 * differs from session to session: those that began together do not come back together. `undefined` for a
 * token without lifetime.
 */
export function renewalDueAt(
  tokenSet: VerifiedTokenSet,
  id: string,
  renewBeforeMs: number,
): number | undefined {
  const { accessTokenExpiresAt: end, accessTokenReceivedAt: start } = tokenSet
  if (end === undefined) return undefined
  // A token of a minute must not be renewed at every request.
  const early = Math.min(renewBeforeMs, (end - (start ?? end)) / 2)
  return end - early * (1 - MAX_JITTER * fractionOf(id))
}

/**
 * When a renewal that failed without anything spent may be tried again: soon, then ever later, unless the
 * provider said when.
 */
export function retryAt(
  now: number,
  failures: number,
  retryAfterSeconds: number | undefined,
  jitter: () => number,
): number {
  if (retryAfterSeconds !== undefined) {
    return now + Math.min(retryAfterSeconds * 1000, MAX_RETRY_AFTER_MS)
  }
  const backOff = Math.min(FIRST_RETRY_MS * 2 ** (failures - 1), MAX_RETRY_MS)
  return now + Math.round(backOff * (0.75 + jitter() / 2))
}

/** Whether a failure of before still holds renewal back. */
export function isHeldBack(contents: SessionContents, now: number): boolean {
  const until = contents.renewalRetryAt ?? 0
  // Written by a process whose clock is far ahead, it would hold for ever.
  return until > now && until <= now + MAX_RETRY_AFTER_MS
}

// The id is random: its first two characters are a number from 0 to 4095.
function fractionOf(id: string): number {
  return (indexOf(id.charCodeAt(0)) * 64 + indexOf(id.charCodeAt(1))) / 4096
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

function indexOf(code: number): number {
  return Math.max(0, ALPHABET.indexOf(String.fromCharCode(code)))
}
