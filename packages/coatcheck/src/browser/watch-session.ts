import { openChannel } from './session-channel.ts'
import { type SessionListener, type SessionState, timeoutOf } from './session-state.ts'
import { joinStream, type SessionStream } from './session-stream.ts'

/** Tells whoever listens what the session is, and each time it has become another one. */
export interface SessionWatch {
  /** Gives back how to stop. */
  subscribe(listener: SessionListener): () => void
  /** Takes in an answer of the server's. */
  hear(state: SessionState): void
  /** Asks the server, if anybody listens. */
  look(): Promise<void>
}

const POLL_MS = 60_000
const RETRY_MS = 5000
// Coming back to a page is two or three events.
const GLANCE_MS = 1000
const LATER_MS = 1000
const REASON = /^[a-z_]{1,40}$/

/** Watches the session of this browser while anybody listens: by the stream, by what other tabs say, by asking. */
export function createSessionWatch(
  ask: () => Promise<SessionState>,
  secondsUntil: (endsAt: number) => number,
): SessionWatch {
  const listeners = new Set<SessionListener>()
  let told: SessionState | undefined
  let reason: string | undefined
  let waiting: ReturnType<typeof setTimeout> | undefined
  let hasWaited = false
  let glancedMs = -GLANCE_MS
  let channel: BroadcastChannel | undefined
  let stream: SessionStream | undefined
  let stop: (() => void) | undefined

  async function look(): Promise<void> {
    if (listeners.size === 0) return
    // Whoever waits for the first word is not left to the poll.
    await ask().catch(() => told ?? setTimeout(look, RETRY_MS))
  }

  async function lookBecause(why: string): Promise<void> {
    reason = why
    await look()
    if (waiting === undefined) reason = undefined
  }

  function glance(): void {
    if (document.hidden || performance.now() - glancedMs < GLANCE_MS) return
    glancedMs = performance.now()
    void look()
  }

  function hear(state: SessionState): void {
    if (listeners.size === 0) return
    const isOver = told?.state === 'signed_in' && state.state === 'signed_out'
    const why = reasonFor(told)
    // The stream says why, and a question of our own can be a moment faster. What replaces a session can be
    // a moment slower: its cookie is on the way when the stream speaks of the former one.
    const isEarly = isOver && (why === undefined || why === 'replaced') && !hasWaited
    if (isEarly) waiting ??= setTimeout(lookOnceMore, LATER_MS)
    else settle(state)
  }

  function lookOnceMore(): void {
    hasWaited = true
    void look()
  }

  // Nobody tells a machine that slept: what has passed its time has ended by it.
  function reasonFor(before: SessionState | undefined): string | undefined {
    if (before?.state !== 'signed_in' || reason !== undefined) return reason
    return secondsUntil(before.idleEndsAt) > 0 ? undefined : timeoutOf(before)
  }

  function settle(state: SessionState): void {
    const before = told
    const why = before && reasonFor(before)
    told = state
    if (state.state === 'signed_in') stream?.open()
    if (before === undefined || idOf(before) !== idOf(state)) {
      for (const listener of listeners) tell(listener, state, why, before)
      // What only a question has found, the other tabs do not know.
      if (before !== undefined && reason === undefined && stream?.isOurs()) {
        channel?.postMessage('changed')
      }
    }
    rest()
  }

  function rest(): void {
    clearTimeout(waiting)
    waiting = reason = undefined
    hasWaited = false
  }

  // Not at once: a listener that throws stops nobody, and one that comes late is told like the others.
  function tell(listener: SessionListener, ...news: Parameters<SessionListener>): void {
    queueMicrotask(() => {
      if (listeners.has(listener)) listener(...news)
    })
  }

  function start(): () => void {
    const stopping = new AbortController()
    const { signal } = stopping
    channel = openChannel()
    channel?.addEventListener('message', ({ data }) => {
      if (data === 'hello' || data === 'changed') void look()
      else if (typeof data === 'string' && data !== 'used' && REASON.test(data)) {
        void lookBecause(data)
      }
    })
    stream = joinStream(signal, look, (ended) => {
      channel?.postMessage(ended)
      void lookBecause(ended)
    })
    // While the stream flows its holder need not ask. Others do: a phone puts a hidden holder to sleep.
    const poll = setInterval(() => {
      if (!stream?.isOpen() && !document.hidden) void look()
    }, POLL_MS)
    // A page that comes back shows a state of long ago, and timers do not run in a sleeping machine.
    for (const event of ['visibilitychange', 'pageshow', 'focus']) {
      addEventListener(event, glance, { signal })
    }
    void look()
    // A page that was just opened may follow a sign-in: whoever holds the stream needs a new one.
    channel?.postMessage('hello')
    return () => {
      stopping.abort()
      clearInterval(poll)
      channel?.close()
      rest()
      told = stop = undefined
    }
  }

  function subscribe(listener: SessionListener): () => void {
    // One function may listen twice.
    const own: SessionListener = (...news) => listener(...news)
    listeners.add(own)
    stop ??= start()
    if (told !== undefined) tell(own, told, undefined, undefined)
    return () => {
      listeners.delete(own)
      if (listeners.size === 0) stop?.()
    }
  }

  return { subscribe, hear, look }
}

function idOf(state: SessionState): string {
  return state.state === 'signed_in' ? `${state.claims.sub} ${state.absoluteEndsAt}` : ''
}
