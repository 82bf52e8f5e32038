import { CoatcheckError } from '../core/errors.ts'
import { andThen } from '../core/maybe-promise.ts'
import type { RenewalNote } from './card.ts'
import type { SessionContents } from './contents.ts'
import type { Lifetimes } from './lifetimes.ts'
import type { Records } from './record.ts'
import type { RenewalPlace } from './renewal-place.ts'
import {
  createSession,
  type OpenedSession,
  openedSession,
  recordBehind,
  type Session,
} from './session.ts'
import type { EndReason, SessionStore, StoredSession } from './session-store.ts'

/** What {@link createRewriting} needs. */
export interface RewritingOptions {
  readonly store: SessionStore
  readonly records: Records
  readonly lifetimes: Lifetimes
  readonly onEnded: (ended: StoredSession, reason: EndReason, last?: RenewalNote) => void
}

// As long as an engine takes to restart, or to make a replica its master.
const AGAIN_AFTER_MS: readonly number[] = [50, 200, 1000, 2000, 4000, 8000, 16_000]

/** Renewal in a store: compare-and-set over sealed contents, leases that processes share. */
export function createRewriting(options: RewritingOptions): RenewalPlace<OpenedSession> {
  const { store, records } = options

  async function reread(session: Session): Promise<OpenedSession | undefined> {
    const stored = await store.get(session.id)
    if (stored === undefined) return undefined
    const { dataKey, freshWrap } = recordBehind(session)
    const contents = records.reopen(stored, dataKey)
    if (contents === undefined) return undefined
    return openedSession(stored, { contents, dataKey, freshWrap })
  }

  async function write(
    current: OpenedSession,
    contents: SessionContents,
    note?: RenewalNote,
  ): Promise<OpenedSession | undefined> {
    const { id, version, ...moved } = records.move(current)
    const { subjectKey, sidKey } = moved
    // The columns must say what the seal holds, also where the contents are those of an earlier version.
    const found = { subjectKey, ...(sidKey === undefined ? {} : { sidKey }) }
    const kept = { ...contents, ...found }
    const body = records.reseal(current.dataKey, id, version + 1, kept)
    const card =
      note === undefined ? moved.card : records.noteRenewal({ ...moved, id, version }, note)
    const stored = { ...moved, id, version: version + 1, body, card }
    return (await store.replace(stored, version))
      ? openedSession(stored, { ...current, contents: kept })
      : undefined
  }

  function sessionOf(opened: OpenedSession): Session {
    return createSession(opened, options.lifetimes.of(opened.contents))
  }

  // The old refresh token is spent: a full disk or a lock of a second must not cost the new one.
  async function surely<T>(work: () => Promise<T>): Promise<T> {
    for (const waitMs of AGAIN_AFTER_MS) {
      try {
        return await work()
      } catch (error) {
        if (!(error instanceof CoatcheckError)) throw error
        await pause(waitMs)
      }
    }
    return work()
  }

  return {
    reread,
    write,
    writeSurely: (current, contents, note) => surely(() => write(current, contents, note)),
    surely,
    sessionOf,
    end: async ({ id }, reason, last) => {
      const deleted = await store.delete(id, reason)
      if (deleted !== undefined) options.onEnded(deleted, reason, last)
    },
    endingOf: (id) => store.endingOf(id),
    acquireLease: (id, leaseMs) => store.acquireLease(id, leaseMs),
    releaseLease: (id, fencingNumber) =>
      andThen(store.releaseLease(id, fencingNumber), () => undefined),
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
