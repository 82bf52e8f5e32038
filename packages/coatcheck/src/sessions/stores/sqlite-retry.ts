import { CoatcheckError } from '../../core/errors.ts'
import type { MaybePromise } from '../../core/maybe-promise.ts'

const SQLITE_BUSY = 5
const SQLITE_LOCKED = 6
const WAITS_MS: readonly number[] = [2, 5, 10, 20, 40, 80, 160, 320, 640]

/**
 * Runs an operation, again a little later while another connection holds the lock: the waiting is ours and
 * asynchronous, since the engine's own would stop every other request. After a second and a quarter, and
 * for a full disk or a broken file, rejects with `store_unavailable`.
 */
export function retryWhileBusy<T>(operation: () => T): MaybePromise<T> {
  try {
    // What is there at once costs no turn of the event loop.
    return operation()
  } catch (error) {
    return retry(operation, error)
  }
}

async function retry<T>(operation: () => T, first: unknown): Promise<T> {
  let failure = first
  for (const waitMs of WAITS_MS) {
    if (failure instanceof CoatcheckError) throw failure
    if (!isBusy(failure)) break
    await new Promise((resolve) => setTimeout(resolve, waitMs))
    try {
      return operation()
    } catch (error) {
      failure = error
    }
  }
  if (failure instanceof CoatcheckError) throw failure
  throw new CoatcheckError('store_unavailable', { cause: failure, retryAfterSeconds: 2 })
}

// node:sqlite says it with a number, better-sqlite3 with a name.
function isBusy(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const code = 'code' in error ? error.code : undefined
  const number =
    'errcode' in error && typeof error.errcode === 'number' ? error.errcode & 0xff : undefined
  const isNamed = typeof code === 'string' && /^SQLITE_(?:BUSY|LOCKED)/.test(code)
  return isNamed || number === SQLITE_BUSY || number === SQLITE_LOCKED
}
