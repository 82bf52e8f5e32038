import type { Session } from './session.ts'
import type { StoredSession } from './session-store.ts'

/** Opened sessions, so that their crypto is paid once; the store says on each request whether they still are. */
export interface SessionCache {
  /** The opened session, if it is of exactly this version and times, and was opened with this ticket. */
  get(stored: StoredSession, ticketHash: string): Session | undefined
  put(session: Session, ticketHash: string): void
  /** Puts a later reading in the place of an earlier one. */
  renew(earlier: Session, later: Session): void
  drop(id: string): void
}

interface Entry {
  readonly session: Session
  readonly ticketHash: string
}

/** A bounded cache; the one used longest ago goes first. */
export function createSessionCache(maxEntries: number): SessionCache {
  const entries = new Map<string, Entry>()

  function put(session: Session, ticketHash: string): void {
    entries.delete(session.id)
    entries.set(session.id, { session, ticketHash })
    if (entries.size <= maxEntries) return
    const oldest = entries.keys().next().value
    if (oldest !== undefined) entries.delete(oldest)
  }

  return {
    put,
    get: (stored, ticketHash) => {
      const entry = entries.get(stored.id)
      if (entry === undefined || entry.ticketHash !== ticketHash) return undefined
      const { session } = entry
      return session.version === stored.version && session.lastSeenAt === stored.lastSeenAt
        ? session
        : undefined
    },
    renew: (earlier, later) => {
      const entry = entries.get(earlier.id)
      if (entry?.session === earlier) put(later, entry.ticketHash)
    },
    drop: (id) => {
      entries.delete(id)
    },
  }
}
