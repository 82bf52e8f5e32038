import { CoatcheckError } from '../core/errors.ts'
import type { MaybePromise, SessionStore } from './session-store.ts'

/**
 * The store, with one error for whatever it fails with: `store_unavailable`, which is infrastructure and
 * never "signed out".
 */
export function guardStore(store: SessionStore): SessionStore {
  return {
    get: (id) => guard(() => store.get(id)),
    insert: (session) => guard(() => store.insert(session)),
    replace: (session, expectedVersion) => guard(() => store.replace(session, expectedVersion)),
    touch: (id, lastSeenAt, expiresAt) => guard(() => store.touch(id, lastSeenAt, expiresAt)),
    delete: (id, reason) => guard(() => store.delete(id, reason)),
    endingOf: (id) => guard(() => store.endingOf(id)),
    listBySubject: (key) => guard(() => store.listBySubject(key)),
    deleteBySubject: (key, reason) => guard(() => store.deleteBySubject(key, reason)),
    deleteByProviderSession: (key, reason) =>
      guard(() => store.deleteByProviderSession(key, reason)),
    sweep: (limit) => guard(() => store.sweep(limit)),
    acquireLease: (id, leaseMs) => guard(() => store.acquireLease(id, leaseMs)),
    releaseLease: (id, fencingNumber) => guard(() => store.releaseLease(id, fencingNumber)),
    claim: (key, expiresAt, max) => guard(() => store.claim(key, expiresAt, max)),
    putBlob: (key, bytes, expiresAt) => guard(() => store.putBlob(key, bytes, expiresAt)),
    takeBlob: (key) => guard(() => store.takeBlob(key)),
  }
}

function guard<T>(work: () => MaybePromise<T>): MaybePromise<T> {
  try {
    const result = work()
    return result instanceof Promise ? result.catch(unavailable) : result
  } catch (error) {
    // A failure is a rejection, whether the store answers now or later.
    return unavailable(error)
  }
}

async function unavailable(error: unknown): Promise<never> {
  if (error instanceof CoatcheckError) throw error
  throw new CoatcheckError('store_unavailable', { cause: error, retryAfterSeconds: 2 })
}
