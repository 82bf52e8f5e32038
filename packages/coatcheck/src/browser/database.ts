import { CoatcheckError } from '../core/errors.ts'

/** What is kept beside tokens: no token is in it. */
export type DatabaseStore = 'grants' | 'dpop-keys'

const TIMEOUT_MS = 5000
const DATABASE = 'coatcheck'
const STORES: readonly DatabaseStore[] = ['grants', 'dpop-keys']

/**
 * Does something in one transaction, which no other tab comes between. Rejects with `database_unavailable` where the
 * browser keeps nothing.
 *
 * @see Indexed Database API, section 2.7
 */
export async function inTransaction<T>(
  name: DatabaseStore,
  work: (store: IDBObjectStore) => Promise<T>,
): Promise<T> {
  try {
    const opening = indexedDB.open(DATABASE, 1)
    opening.onupgradeneeded = () => {
      for (const store of STORES) opening.result.createObjectStore(store)
    }
    // One that hangs, in opening or later, would hold up every renewal.
    const late = AbortSignal.timeout(TIMEOUT_MS)
    const hung = new Promise<never>((_, reject) => {
      late.addEventListener('abort', () => reject(late.reason))
    })
    return await Promise.race([workIn(opening, late, name, work), hung])
  } catch (cause) {
    throw new CoatcheckError('database_unavailable', { cause })
  }
}

/** The outcome of a request. */
export function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
}

async function workIn<T>(
  opening: IDBOpenDBRequest,
  late: AbortSignal,
  name: DatabaseStore,
  work: (store: IDBObjectStore) => Promise<T>,
): Promise<T> {
  const database = await done(opening)
  try {
    // Whoever asked has given up: what nobody waits for must not be written.
    late.throwIfAborted()
    const transaction = database.transaction(name, 'readwrite')
    let isOver = false
    late.addEventListener('abort', () => {
      if (!isOver) transaction.abort()
    })
    const written = new Promise((resolve, reject) => {
      transaction.oncomplete = () => {
        isOver = true
        resolve(undefined)
      }
      transaction.onabort = () => {
        isOver = true
        reject(transaction.error)
      }
    })
    written.catch(() => {})
    const result = await work(transaction.objectStore(name))
    await written
    return result
  } finally {
    database.close()
  }
}
