import type { Clock } from '../core/clock.ts'
import { andThen, type MaybePromise } from '../core/maybe-promise.ts'
import type { Notices } from './notices.ts'
import type { SessionStore, StoredSession } from './session-store.ts'

/** Reads that may be a little old, and the store itself. */
export interface CachedReads {
  get(id: string): MaybePromise<StoredSession | undefined>
  /** Reads what is there now; what it changes is forgotten here. */
  readonly store: SessionStore
}

/** What {@link createCachedReads} needs. */
export interface CachedReadsOptions {
  readonly store: SessionStore
  readonly notices: Notices
  readonly clock: Clock
  /** How old a reading may be; 0: none is kept. */
  readonly cacheMs: number
  readonly maxEntries: number
}

/**
 * Reads through a cache: a session that ended elsewhere is known here after `cacheMs` at the latest, and at once
 * where the store notifies. What was missed while it could not is dropped with everything else.
 */
export function createCachedReads(options: CachedReadsOptions): CachedReads {
  const { store, clock, cacheMs } = options
  if (cacheMs === 0) return { get: (id) => store.get(id), store }
  const kept = new Map<string, { readonly stored: StoredSession; readonly readAt: number }>()
  // A reading that began before something ended must not be kept after it.
  let endings = 0

  options.notices.onNotice((notice) => {
    endings += 1
    if (notice.kind === 'resumed') kept.clear()
    else kept.delete(notice.id)
  })

  function keep(stored: StoredSession | undefined, readAt: number, before: number): void {
    if (stored === undefined || before !== endings) return
    kept.delete(stored.id)
    kept.set(stored.id, { stored, readAt })
    const oldest = kept.size > options.maxEntries ? kept.keys().next().value : undefined
    if (oldest !== undefined) kept.delete(oldest)
  }

  return {
    get: (id) => {
      const now = clock()
      const entry = kept.get(id)
      if (entry !== undefined && now - entry.readAt < cacheMs && entry.stored.expiresAt > now) {
        return entry.stored
      }
      const before = endings
      return andThen(store.get(id), (stored) => {
        keep(stored, now, before)
        return stored
      })
    },
    store: {
      ...store,
      replace: (session, version) =>
        andThen(store.replace(session, version), forgetting(session.id)),
      touch: (id, lastSeenAt, expiresAt) =>
        andThen(store.touch(id, lastSeenAt, expiresAt), forgetting(id)),
      delete: (id, reason) => andThen(store.delete(id, reason), forgetting(id)),
      deleteBySubject: (key, reason) => andThen(store.deleteBySubject(key, reason), forgetAll),
      deleteByProviderSession: (key, reason) =>
        andThen(store.deleteByProviderSession(key, reason), forgetAll),
    },
  }

  function forget(id: string): void {
    endings += 1
    kept.delete(id)
  }

  function forgetting(id: string): <T>(result: T) => T {
    return (result) => {
      forget(id)
      return result
    }
  }

  function forgetAll(ended: readonly StoredSession[]): readonly StoredSession[] {
    for (const { id } of ended) forget(id)
    return ended
  }
}
