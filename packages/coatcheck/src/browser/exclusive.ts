import { tryLater } from './try-later.ts'

const WAIT_MS = 45_000

/**
 * Does something while no other tab of this browser does it. A tab that goes away lets go. Rejects with
 * `renewal_unavailable` when another one holds on for too long: taking it away would do the work twice.
 *
 * @see Web Locks API, section 3
 */
export async function exclusively<T>(name: string, work: () => Promise<T>): Promise<T> {
  let isOurs = false
  try {
    return (await navigator.locks.request(name, { signal: AbortSignal.timeout(WAIT_MS) }, () => {
      isOurs = true
      return work()
    })) as T
  } catch (error) {
    if (isOurs) throw error
    throw tryLater('renewal_unavailable')
  }
}
