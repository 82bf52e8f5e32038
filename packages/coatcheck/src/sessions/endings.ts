import type { Clock } from '../core/clock.ts'
import { CoatcheckError } from '../core/errors.ts'
import type { MaybePromise } from '../core/maybe-promise.ts'
import type { Notices } from './notices.ts'
import type { Session } from './session.ts'
import type { EndReason } from './session-store.ts'

/** Why there is nothing more to watch; `ask_again`: only a request of the browser can tell whether the session is over. */
export type WatchEnd = EndReason | 'ask_again'

/** Tells whoever watches a session that it ended, and why. */
export interface Endings {
  /** Calls `onEnd` once, when the session is over. Gives back how to stop watching. */
  watch(session: Session, onEnd: (reason: WatchEnd) => void): () => void
  /** Something of this process ended a session. */
  tell(id: string, reason: EndReason): void
  close(): void
}

/** What {@link createEndings} needs. */
export interface EndingsOptions {
  /** Why a session ended; `undefined` while it lives. Rejects with a `CoatcheckError` where nobody can tell. */
  readonly look: (session: Session) => MaybePromise<WatchEnd | undefined>
  readonly notices: Notices
  readonly clock: Clock
}

interface Watched {
  readonly session: Session
  readonly listeners: Set<(reason: WatchEnd) => void>
}

// Every watched session is looked up so often: for stores that cannot notify, and for times that run out.
const ROUND_MS = 2000
const ROUND_WITH_NOTICES_MS = 15_000

/** Watches over sessions: told by this process, by the store where it notifies, and by looking. */
export function createEndings(options: EndingsOptions): Endings {
  const { look, notices, clock } = options
  const watched = new Map<string, Watched>()
  let timer: ReturnType<typeof setTimeout> | undefined
  let stopListening: (() => void) | undefined

  function tell(id: string, reason: WatchEnd): void {
    const entry = watched.get(id)
    if (entry === undefined) return
    watched.delete(id)
    for (const listener of entry.listeners) listener(reason)
  }

  function watch(session: Session, onEnd: (reason: WatchEnd) => void): () => void {
    const entry = watched.get(session.id) ?? { session, listeners: new Set() }
    entry.listeners.add(onEnd)
    watched.set(session.id, entry)
    stopListening ??= notices.onNotice((notice) => {
      if (notice.kind === 'ended') tell(notice.id, notice.reason)
    })
    plan()
    // It may have ended since it was loaded, before anybody listened.
    void lookAt(session)
    return () => {
      entry.listeners.delete(onEnd)
      if (entry.listeners.size === 0 && watched.get(session.id) === entry) {
        watched.delete(session.id)
      }
    }
  }

  function plan(): void {
    if (timer !== undefined || watched.size === 0) return
    timer = setTimeout(
      () => {
        lookAtAll().finally(() => {
          timer = undefined
          plan()
        })
      },
      notices.live ? ROUND_WITH_NOTICES_MS : ROUND_MS,
    )
    unref(timer)
  }

  async function lookAtAll(): Promise<void> {
    for (const { session } of [...watched.values()]) {
      if (!(await lookAt(session))) return
    }
  }

  // False where the store does not answer: it has ended nobody, and the next round asks again.
  async function lookAt(session: Session): Promise<boolean> {
    try {
      const reason = await reasonOf(session)
      if (reason !== undefined) tell(session.id, reason)
      return true
    } catch (error) {
      if (error instanceof CoatcheckError) return false
      throw error
    }
  }

  async function reasonOf(session: Session): Promise<WatchEnd | undefined> {
    return clock() >= session.absoluteEndsAt ? 'absolute_timeout' : look(session)
  }

  return {
    watch,
    tell,
    close: () => {
      clearTimeout(timer)
      stopListening?.()
      watched.clear()
    },
  }
}

// A process must be able to end while somebody watches.
function unref(timer: { unref?(): void } | number): void {
  if (typeof timer === 'object') timer.unref?.()
}
