import { SESSION_CHANNEL } from './session-channel.ts'

/** The event stream of this browser: one tab holds it for all. */
export interface SessionStream {
  /** Whether it is this tab's to hold. */
  isOurs(): boolean
  isOpen(): boolean
  /** Opens it, if it is ours and closed. */
  open(): void
}

/**
 * Takes its turn to hold the stream (six of them would use up a browser's connections to this site), under a
 * Web Lock: when the tab that holds it goes, the next takes over. Until the signal.
 */
export function joinStream(
  signal: AbortSignal,
  onTurn: () => void,
  onEnded: (reason: string) => void,
): SessionStream {
  let isOurs = false
  let stream: EventSource | undefined
  // Old browsers and insecure contexts have no locks.
  const { locks } = navigator as { readonly locks?: LockManager }
  locks
    ?.request(SESSION_CHANNEL, { signal }, () => {
      isOurs = true
      onTurn()
      return new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => {
          stream?.close()
          resolve()
        })
      })
    })
    .catch(() => {})

  function open(): void {
    if (!isOurs || stream !== undefined) return
    const opened = new EventSource(`${location.origin}/auth/events`)
    stream = opened
    opened.addEventListener('ended', ({ data }) => {
      opened.close()
      stream = undefined
      onEnded(JSON.parse(data).reason)
    })
    // Refused for good: signed out, or the store is away. The poll will tell.
    opened.addEventListener('error', () => {
      if (opened.readyState === EventSource.CLOSED && stream === opened) stream = undefined
    })
  }

  return { isOurs: () => isOurs, isOpen: () => stream !== undefined, open }
}
