import type { SessionListener, SessionState } from './session-client.ts'

const NAME = 'coatcheck-session'
const POLL_MS = 60_000

/**
 * Watches the session of this browser. One tab holds the event stream (six of them would use up a browser's
 * connections to this site) under a Web Lock, and tells the others; when it goes, the next takes over.
 */
export function watchSession(
  ask: () => Promise<SessionState>,
  listener: SessionListener,
): () => void {
  const stopping = new AbortController()
  const { signal } = stopping
  const channel = new BroadcastChannel(NAME)
  let known: string | undefined
  let stream: EventSource | undefined
  let isHolder = false

  // Tabs tell each other that something happened; what it is, each asks the server.
  async function look(reason?: string): Promise<void> {
    const state = await ask().catch(() => undefined)
    if (state === undefined || signal.aborted) return
    const who = state.state === 'signed_in' ? `${state.claims.sub} ${state.absoluteEndsAt}` : ''
    if (known !== undefined && known !== who) {
      listener(state, reason)
      // What only the poll has found, the other tabs do not know.
      if (isHolder && reason === undefined) channel.postMessage('changed')
    }
    known = who
    if (isHolder && stream === undefined && who !== '') open()
  }

  function open(): void {
    const opened = new EventSource('/auth/events')
    stream = opened
    opened.addEventListener('ended', ({ data }) => {
      const { reason } = JSON.parse(data)
      opened.close()
      stream = undefined
      channel.postMessage(reason)
      void look(reason)
    })
    // Refused for good: signed out, or the store is away. The poll will tell.
    opened.addEventListener('error', () => {
      if (opened.readyState === EventSource.CLOSED && stream === opened) stream = undefined
    })
  }

  channel.addEventListener('message', ({ data }) => {
    void look(data === 'hello' || data === 'changed' ? undefined : data)
  })
  // In an insecure context there are no locks.
  const { locks } = navigator as { readonly locks?: LockManager }
  // While the stream flows nobody needs to ask; without locks everybody does.
  const poll = setInterval(() => {
    if (stream === undefined && (isHolder || locks === undefined)) void look()
  }, POLL_MS)
  locks
    ?.request(NAME, { signal }, () => {
      isHolder = true
      void look()
      return new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
    })
    .catch(() => {})
  void look()
  // A page that was just opened may follow a sign-in: whoever holds the stream needs a new one.
  channel.postMessage('hello')

  return () => {
    stopping.abort()
    clearInterval(poll)
    stream?.close()
    channel.close()
  }
}
