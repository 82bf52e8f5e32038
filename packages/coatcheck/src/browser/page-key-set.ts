import { candidates, importKeys, type KeySet } from '../tokens/key-set.ts'
import type { VerificationKey } from '../tokens/signature.ts'
import { BARE } from './provider-calls.ts'
import { tryLater } from './try-later.ts'

/** The provider's keys as a page needs them. */
export interface PageKeySet extends KeySet {
  /**
   * Fetches them now. Browsers do not tell whether a request that failed had been sent: so this one, which costs nothing,
   * goes before each that spends a refresh token; and afterwards nothing is missing to verify the answer. Rejects with
   * `key_set_unavailable` or `key_set_invalid`.
   */
  refresh(): Promise<unknown>
}

const KEPT_MS = 600_000
const COOLDOWN_MS = 30_000
const TIMEOUT_MS = 5000

/**
 * Fetched when first asked for, again after ten minutes, and for an unknown `kid` after half a minute. Finds reject as
 * `refresh` does.
 *
 * @see RFC 7517, section 5
 */
export function createPageKeySet(
  jwksUri: string,
  fetch: typeof globalThis.fetch,
  clock: () => number,
): PageKeySet {
  let loaded: Promise<readonly VerificationKey[]> | undefined
  let loadedAt = 0

  async function load(): Promise<readonly VerificationKey[]> {
    const response = await fetch(jwksUri, {
      ...BARE,
      cache: 'no-cache',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    }).catch(() => undefined)
    if (response?.status !== 200) throw tryLater('key_set_unavailable')
    const keys = importKeys(await response.json().catch(() => undefined))
    if (keys.length === 0) throw tryLater('key_set_invalid')
    return keys
  }

  function keysYoungerThan(ms: number): Promise<readonly VerificationKey[]> {
    // Either way: a clock can be set back.
    if (loaded === undefined || Math.abs(clock() - loadedAt) >= ms) {
      loadedAt = clock()
      loaded = load().catch((error: unknown) => {
        loaded = undefined
        throw error
      })
    }
    return loaded
  }

  return {
    refresh: () => keysYoungerThan(0),
    find: async (header) => {
      const found = candidates(await keysYoungerThan(KEPT_MS), header)
      return found.length > 0 ? found : candidates(await keysYoungerThan(COOLDOWN_MS), header)
    },
    // Nothing that was verified is remembered by its key.
    has: () => false,
  }
}
