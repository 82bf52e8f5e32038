import type { MaybePromise } from '../core/maybe-promise.ts'
import type { RenewalNote, SessionCard } from './card.ts'
import type { Records } from './record.ts'
import { shortIdOf } from './session.ts'
import type { EndReason, SessionStore, StoredSession } from './session-store.ts'

/** A session as its person or an operator sees it: no token, no ticket, not the whole id. */
export interface ListedSession {
  /** The first 8 characters of the id. */
  readonly session: string
  /** Milliseconds since 1970, as are all times; exact to a tenth of the idle time. */
  readonly createdAt: number
  readonly lastSeenAt: number
  readonly expiresAt: number
  readonly userAgent?: string
  readonly address?: string
  /** The last ten, oldest first. */
  readonly renewals: readonly RenewalNote[]
}

/** Which sessions of a person. */
export interface EndSelection {
  /** Only the one of this short id. */
  readonly only?: string
  /** All but the one of this short id. */
  readonly except?: string
}

/** All sessions of a person. */
export interface SessionList {
  /** Newest first. `subject` is the provider's `sub`. */
  list(subject: string): Promise<readonly ListedSession[]>
  /**
   * Ends them, and gives back how many. Their refresh tokens stay valid at the provider, because only a ticket
   * opens them; a session that is ended as one's own revokes its own.
   */
  endAll(subject: string, reason: EndReason, selection?: EndSelection): Promise<number>
  /** Ends those of a person's sessions for which it is true, and gives back how many. */
  endWhere(
    subject: string,
    isMeant: (id: string, card: SessionCard) => boolean,
    reason: EndReason,
  ): Promise<number>
  /** Ends the sessions of one session at the provider (`sid`), and gives back how many. */
  endProviderSession(sid: string, reason: EndReason): Promise<number>
}

/** What {@link createSessionList} needs. */
export interface SessionListOptions {
  readonly store: SessionStore
  readonly records: Records
  readonly onEnded: (ended: StoredSession, reason: EndReason) => void
}

/** Finds a person's sessions under every key of the ring. */
export function createSessionList(options: SessionListOptions): SessionList {
  const { store, records, onEnded } = options

  async function find(subject: string): Promise<readonly [StoredSession, SessionCard][]> {
    const found = new Map<string, [StoredSession, SessionCard]>()
    for (const key of records.lookupKeys('sub', subject)) {
      for (const stored of await store.listBySubject(key)) {
        const card = records.openCard(stored)
        // A row that somebody without the ring put under this key is nobody's session.
        if (card?.subject === subject) found.set(stored.id, [stored, card])
      }
    }
    return [...found.values()].toSorted(([one], [other]) => other.createdAt - one.createdAt)
  }

  async function endEach(
    keys: readonly string[],
    end: (key: string) => MaybePromise<readonly StoredSession[]>,
    reason: EndReason,
  ): Promise<number> {
    let count = 0
    for (const key of keys) {
      for (const stored of await end(key)) {
        onEnded(stored, reason)
        count += 1
      }
    }
    return count
  }

  async function endWhere(
    subject: string,
    isMeant: (id: string, card: SessionCard) => boolean,
    reason: EndReason,
  ): Promise<number> {
    let count = 0
    for (const [{ id }, card] of await find(subject)) {
      if (!isMeant(id, card)) continue
      const deleted = await store.delete(id, reason)
      if (deleted === undefined) continue
      onEnded(deleted, reason)
      count += 1
    }
    return count
  }

  return {
    endWhere,
    list: async (subject) =>
      (await find(subject)).map(([stored, card]) => ({
        session: shortIdOf(stored.id),
        createdAt: stored.createdAt,
        lastSeenAt: stored.lastSeenAt,
        expiresAt: stored.expiresAt,
        ...(card.userAgent === undefined ? {} : { userAgent: card.userAgent }),
        ...(card.address === undefined ? {} : { address: card.address }),
        renewals: card.renewals,
      })),
    endAll: async (subject, reason, { only, except } = {}) => {
      if (only === undefined && except === undefined) {
        const keys = records.lookupKeys('sub', subject)
        return endEach(keys, (key) => store.deleteBySubject(key, reason), reason)
      }
      const isMeant = (id: string): boolean => {
        const short = shortIdOf(id)
        return only === undefined ? short !== except : short === only && short !== except
      }
      return endWhere(subject, isMeant, reason)
    },
    endProviderSession: (sid, reason) =>
      endEach(
        records.lookupKeys('sid', sid),
        (key) => store.deleteByProviderSession(key, reason),
        reason,
      ),
  }
}
