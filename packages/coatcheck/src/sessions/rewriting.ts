import { CoatcheckError } from '../core/errors.ts'
import type { RenewalNote } from './card.ts'
import type { SessionContents } from './contents.ts'
import type { Lifetimes } from './lifetimes.ts'
import type { Records } from './record.ts'
import { behindSession, createSession, type OpenedSession, type Session } from './session.ts'
import type { SessionStore } from './session-store.ts'

/** What {@link createRewriting} needs. */
export interface RewritingOptions {
  readonly store: SessionStore
  readonly records: Records
  readonly lifetimes: Lifetimes
}

/** Reads and writes further versions of a session that is open. */
export interface Rewriting {
  /** The newest version; `undefined` once it is over, or no longer what was sealed. */
  reread(session: Session): Promise<OpenedSession | undefined>
  /** The next version; `undefined` when somebody else wrote it first or the session is over. */
  write(
    current: OpenedSession,
    contents: SessionContents,
    note?: RenewalNote,
  ): Promise<OpenedSession | undefined>
  /** The same, tried again for half a minute when the store does not answer. */
  writeSurely(
    current: OpenedSession,
    contents: SessionContents,
    note?: RenewalNote,
  ): Promise<OpenedSession | undefined>
  /** Any work on the store, tried again likewise. */
  surely<T>(work: () => Promise<T>): Promise<T>
  sessionOf(opened: OpenedSession): Session
}

// As long as an engine takes to restart, or to make a replica its master.
const AGAIN_AFTER_MS: readonly number[] = [50, 200, 1000, 2000, 4000, 8000, 16_000]

/** Compare-and-set over sealed contents. */
export function createRewriting(options: RewritingOptions): Rewriting {
  const { store, records } = options

  async function reread(session: Session): Promise<OpenedSession | undefined> {
    const stored = await store.get(session.id)
    if (stored === undefined) return undefined
    const { dataKey, freshWrap } = behindSession(session)
    const contents = records.reopen(stored, dataKey)
    return contents === undefined ? undefined : { stored, contents, dataKey, freshWrap }
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
      ? { ...current, stored, contents: kept }
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
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
