import type { KeyRing } from '../ring/key-ring.ts'
import type { Session } from './session.ts'
import type { StoredSession } from './session-store.ts'

/** Opened sessions, so that their crypto is paid once; the store says on each request whether they still are. */
export interface SessionCache {
  /** The opened session, if it is of exactly this version and times, and was opened with this ticket and ring. */
  get(stored: StoredSession, ticketHash: string): Session | undefined
  put(session: Session, ticketHash: string): void
  /** Puts a later reading in the place of an earlier one. */
  renew(earlier: Session, later: Session): void
  drop(id: string): void
}

interface Entry {
  readonly session: Session
  readonly ticketHash: string
  /** The ring as it was. */
  readonly keys: KeyRing['keys']
}

/** A bounded cache; the one used longest ago goes first. What a ring opened that has changed since is opened again. */
export function createSessionCache(maxEntries: number, ring: KeyRing): SessionCache {
  const entries = new Map<string, Entry>()

  function put({ session, ticketHash, keys }: Entry): void {
    entries.delete(session.id)
    entries.set(session.id, { session, ticketHash, keys })
    if (entries.size <= maxEntries) return
    const oldest = entries.keys().next().value
    if (oldest !== undefined) entries.delete(oldest)
  }

  return {
    put: (session, ticketHash) => put({ session, ticketHash, keys: ring.keys }),
    get: (stored, ticketHash) => {
      const entry = entries.get(stored.id)
      if (entry === undefined || entry.ticketHash !== ticketHash) return undefined
      if (entry.keys !== ring.keys) return undefined
      const { session } = entry
      return session.version === stored.version && session.lastSeenAt === stored.lastSeenAt
        ? session
        : undefined
    },
    renew: (earlier, later) => {
      const entry = entries.get(earlier.id)
      if (entry?.session === earlier) put({ ...entry, session: later })
    },
    drop: (id) => {
      entries.delete(id)
    },
  }
}
