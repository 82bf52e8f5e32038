import type { EndReason, SessionStore, StoreNotice, StoreSubscription } from './session-store.ts'

/** What a store tells, as long as it can. */
export interface Notices {
  /** Whether notices flow: else whoever waits must look more often. */
  readonly live: boolean
  /** Begins to listen for a session, so that nothing said from now on is missed. */
  listenFor(id: string): Listening
  /** Is told of each notice. Gives back how to stop. */
  onNotice(listener: (notice: StoreNotice) => void): () => void
  /** Stops for good. */
  close(): Promise<void>
}

/** Waiting for news of one session. */
export interface Listening {
  /** Resolves at the first news since the beginning, or after so long. */
  news(withinMs: number): Promise<void>
  stop(): void
}

const FIRST_RETRY_MS = 500
const MAX_RETRY_MS = 30_000

/**
 * One subscription to a store for a whole process, made when somebody first listens; where the store cannot
 * notify, `live` stays false.
 */
export function createNotices(store: Pick<SessionStore, 'subscribe'>): Notices {
  const listeners = new Set<(notice: StoreNotice) => void>()
  const waiting = new Map<string, Set<() => void>>()
  let subscription: Promise<StoreSubscription | undefined> | undefined
  let isLive = false
  let isClosed = false

  function hear(notice: StoreNotice): void {
    for (const listener of listeners) listener(notice)
    if (notice.kind === 'resumed') return
    for (const wake of waiting.get(notice.id) ?? []) wake()
  }

  function start(): void {
    if (subscription !== undefined || store.subscribe === undefined || isClosed) return
    subscription = subscribe()
  }

  async function subscribe(): Promise<StoreSubscription | undefined> {
    for (let waitMs = FIRST_RETRY_MS; !isClosed; waitMs = Math.min(waitMs * 2, MAX_RETRY_MS)) {
      try {
        const made = await store.subscribe?.(hear)
        isLive = true
        // What happened before is not told.
        hear({ kind: 'resumed' })
        return made
      } catch {
        // Whoever needs the store is told so by its own call: here it is only tried again.
        await pause(waitMs)
      }
    }
    return undefined
  }

  function listenFor(id: string): Listening {
    start()
    let isHeard = false
    let tell = (): void => {}
    const wake = (): void => {
      isHeard = true
      tell()
    }
    const wakers = waiting.get(id) ?? new Set()
    waiting.set(id, wakers.add(wake))
    return {
      news: (withinMs) =>
        new Promise((resolve) => {
          const done = (): void => {
            clearTimeout(timer)
            isHeard = false
            tell = () => {}
            resolve()
          }
          const timer = setTimeout(done, withinMs)
          tell = done
          if (isHeard) done()
        }),
      stop: () => {
        wakers.delete(wake)
        if (wakers.size === 0) waiting.delete(id)
      },
    }
  }

  return {
    get live() {
      return isLive
    },
    listenFor,
    onNotice: (listener) => {
      listeners.add(listener)
      start()
      return () => void listeners.delete(listener)
    },
    close: async () => {
      isClosed = true
      await (await subscription)?.close()
    },
  }
}

/** What an ended session's watchers are told. */
export interface Ending {
  readonly id: string
  readonly reason: EndReason
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer: { unref?(): void } | number = setTimeout(resolve, ms)
    // A process must be able to end while its store is away.
    if (typeof timer === 'object') timer.unref?.()
  })
}
