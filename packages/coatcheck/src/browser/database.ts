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
    const database = await done(opening)
    const transaction = database.transaction(name, 'readwrite')
    const written = new Promise((resolve, reject) => {
      transaction.oncomplete = resolve
      transaction.onabort = () => reject(transaction.error)
    })
    written.catch(() => {})
    // One that hangs would hold up every renewal.
    const late = setTimeout(() => transaction.abort(), TIMEOUT_MS)
    try {
      const result = await work(transaction.objectStore(name))
      await written
      return result
    } finally {
      clearTimeout(late)
      database.close()
    }
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
