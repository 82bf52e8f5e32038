import type { SessionStore, StoredSession } from '../sessions/session-store.ts'

/** One clause of the contract of session stores. */
export interface StoreCase {
  readonly name: string
  /** About what `sweep` gives back: says nothing of an engine that removes sessions by itself. */
  readonly sweeps?: true
  /** Throws when the clause does not hold; `pass` moves the store's clock on. */
  readonly check: (store: SessionStore, pass: (ms: number) => void) => Promise<void>
}

/** When every case begins; milliseconds since 1970. */
export const START = 1_700_000_000_000
/** How long a sample lives. */
export const MINUTE = 60_000

/** An id of the right length. */
export function idOf(name: string): string {
  return name.padEnd(22, '_')
}

/** A session of one minute; bytes mean nothing to a store. */
export function sample(changes: Partial<StoredSession> = {}): StoredSession {
  return {
    format: 1,
    id: idOf('one'),
    version: 1,
    createdAt: START,
    lastSeenAt: START,
    expiresAt: START + MINUTE,
    subjectKey: 'subject',
    wraps: [new Uint8Array([1])],
    body: new Uint8Array([1]),
    card: new Uint8Array([1]),
    ...changes,
  }
}

/** Throws unless both are alike, bytes and order of members aside. */
export function same(actual: unknown, expected: unknown, about = ''): void {
  const [one, other] = [plain(actual), plain(expected)]
  if (one !== other)
    throw new Error(`${about}: expected ${other.slice(0, 200)}, but got ${one.slice(0, 200)}`)
}

// Bytes and members in one order, so that every engine's own classes compare.
function plain(value: unknown): string {
  return (
    JSON.stringify(value, (_key, member: unknown) => {
      if (member instanceof Uint8Array) return `bytes:${[...member].join()}`
      if (typeof member !== 'object' || member === null || Array.isArray(member)) return member
      return Object.fromEntries(
        Object.entries(member).toSorted(([one], [other]) => (one < other ? -1 : 1)),
      )
    }) ?? 'undefined'
  )
}

/** Waits for what a store tells by itself: two seconds at most. */
export async function soon(condition: () => boolean): Promise<void> {
  for (let round = 0; round < 200 && !condition(); round += 1) {
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** Throws unless the work rejects. */
export async function rejects(work: () => Promise<void>): Promise<void> {
  const rejected = await work().then(
    () => false,
    () => true,
  )
  if (!rejected) throw new Error('expected a rejection')
}
