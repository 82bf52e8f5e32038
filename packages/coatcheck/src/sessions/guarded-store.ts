import { CoatcheckError } from '../core/errors.ts'
import type { MaybePromise, SessionStore, StoreNotice } from './session-store.ts'

/** How long an operation of a store may take, in milliseconds. */
const DEFAULT_TIMEOUT_MS = 3000
const PREPARE_TIMEOUT_MS = 30_000

/**
 * The store, with one error for whatever it fails with: `store_unavailable`, which is infrastructure and
 * never "signed out". Whoever does not answer in time has failed.
 */
export function guardStore(
  store: SessionStore,
  timeoutMs: number = DEFAULT_TIMEOUT_MS,
): SessionStore {
  function guard<T>(work: () => MaybePromise<T>): MaybePromise<T> {
    return guarded(work, timeoutMs)
  }
  if (guardedStores.has(store)) return store
  const { subscribe, prepare } = store
  const guardedStore: SessionStore = {
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
    // Making tables may take its time.
    ...(prepare === undefined
      ? {}
      : { prepare: () => guarded(() => prepare.call(store), PREPARE_TIMEOUT_MS) }),
    ...(subscribe === undefined
      ? {}
      : {
          subscribe: (listener: (notice: StoreNotice) => void) => subscribe.call(store, listener),
        }),
  }
  guardedStores.add(guardedStore)
  return guardedStore
}

const guardedStores = new WeakSet<SessionStore>()

function guarded<T>(work: () => MaybePromise<T>, timeoutMs: number): MaybePromise<T> {
  try {
    const result = work()
    return result instanceof Promise ? within(timeoutMs, result).catch(unavailable) : result
  } catch (error) {
    // A failure is a rejection, whether the store answers now or later.
    return unavailable(error)
  }
}

// A driver that queues while its server is away would let requests wait for ever.
function within<T>(timeoutMs: number, result: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new StoreSilentError()), timeoutMs)
    result.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

class StoreSilentError extends Error {
  override readonly name = 'StoreSilentError'
}

async function unavailable(error: unknown): Promise<never> {
  if (error instanceof CoatcheckError) throw error
  throw new CoatcheckError('store_unavailable', { cause: error, retryAfterSeconds: 2 })
}
