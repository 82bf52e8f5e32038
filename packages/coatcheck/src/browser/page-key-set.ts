import { CoatcheckError } from '../core/errors.ts'
import { candidates, importKeys, type KeySet } from '../tokens/key-set.ts'
import type { VerificationKey } from '../tokens/signature.ts'

const KEPT_MS = 600_000
const COOLDOWN_MS = 30_000
const TIMEOUT_MS = 5000
const RETRY_AFTER_SECONDS = 5

/**
 * The provider's keys as a page needs them: fetched when first asked for, again after ten minutes, and for an unknown
 * `kid` after half a minute. Its finds reject with `key_set_unavailable` or `key_set_invalid`.
 *
 * @see RFC 7517, section 5
 */
export function createPageKeySet(
  jwksUri: string,
  fetch: typeof globalThis.fetch,
  clock: () => number,
): KeySet {
  let loaded: Promise<readonly VerificationKey[]> | undefined
  let loadedAt = 0
  let former: readonly VerificationKey[] = []

  async function load(): Promise<readonly VerificationKey[]> {
    const response = await fetch(jwksUri, {
      ...{ credentials: 'omit', redirect: 'manual', cache: 'no-cache' },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    }).catch(() => undefined)
    if (response?.status !== 200) throw unavailable()
    const json: unknown = await response.json().catch(() => undefined)
    former = importKeys(json, former)
    return former
  }

  function keysYoungerThan(ms: number): Promise<readonly VerificationKey[]> {
    if (loaded === undefined || clock() - loadedAt >= ms) {
      loadedAt = clock()
      loaded = load().catch((error: unknown) => {
        loaded = undefined
        throw error
      })
    }
    return loaded
  }

  return {
    find: async (header) => {
      const found = candidates(await keysYoungerThan(KEPT_MS), header)
      return found.length > 0 ? found : candidates(await keysYoungerThan(COOLDOWN_MS), header)
    },
    has: (key) => former.includes(key),
  }
}

function unavailable(): CoatcheckError {
  return new CoatcheckError('key_set_unavailable', { retryAfterSeconds: RETRY_AFTER_SECONDS })
}
