import { type Answer, PRIVATE_HEADERS, problem } from '../core/answer.ts'
import type { BrowserSessions } from '../sessions/browser-sessions.ts'
import type { Session } from '../sessions/session.ts'
import type { Outcome } from './outcome.ts'

/** Where a stream goes: a response that is being written. */
export interface StreamSink {
  write(text: string): void
  end(): void
}

/** Event streams of pages. */
export interface EventStreams {
  /** A stream that says one thing: that the session ended, and why. Never activity. */
  open(session: Session): Outcome
  /** Ends all; browsers come back by themselves. */
  close(): void
}

const HEARTBEAT_MS = 20_000
const MAX_STREAMS = 10_000
const MAX_STREAMS_OF_A_SESSION = 20

/**
 * Streams of server-sent events. A page needs one for a whole browser (the session client sees to that), so
 * many of one session are a fault or an attack and are refused.
 *
 * @see WHATWG HTML, section 9.2
 */
export function createEventStreams(sessions: Pick<BrowserSessions, 'endings'>): EventStreams {
  const sinks = new Set<StreamSink>()
  const ofSession = new Map<string, number>()
  let heartbeat: ReturnType<typeof setInterval> | undefined

  function begin(session: Session, sink: StreamSink): () => void {
    const { id } = session
    let isOver = false
    const stop = (): void => {
      if (isOver) return
      isOver = true
      unwatch()
      sinks.delete(sink)
      const left = (ofSession.get(id) ?? 1) - 1
      if (left > 0) ofSession.set(id, left)
      else ofSession.delete(id)
      if (sinks.size === 0) clearInterval(heartbeat)
    }
    if (sinks.size === 0) heartbeat = setInterval(beat, HEARTBEAT_MS)
    sinks.add(sink)
    ofSession.set(id, (ofSession.get(id) ?? 0) + 1)
    sink.write('retry: 3000\n\n')
    const unwatch = sessions.endings.watch(session, (reason) => {
      // A browser whose stream just stops comes back, with the cookies that it has by then.
      if (reason !== 'ask_again') {
        sink.write(`event: ended\ndata: ${JSON.stringify({ reason })}\n\n`)
      }
      sink.end()
      stop()
    })
    return stop
  }

  function beat(): void {
    for (const sink of sinks) sink.write(':\n\n')
  }

  return {
    open: (session) => {
      const tooMany = (ofSession.get(session.id) ?? 0) >= MAX_STREAMS_OF_A_SESSION
      if (tooMany || sinks.size >= MAX_STREAMS) {
        return { kind: 'respond', answer: problem('too_many_streams', { retryAfterSeconds: 30 }) }
      }
      return { kind: 'stream', answer: STREAM_HEAD, begin: (sink) => begin(session, sink) }
    },
    close: () => {
      clearInterval(heartbeat)
      for (const sink of [...sinks]) sink.end()
      sinks.clear()
      ofSession.clear()
    },
  }
}

const STREAM_HEAD: Answer = {
  status: 200,
  headers: [
    'content-type',
    'text/event-stream',
    // nginx would keep it until its buffer is full.
    'x-accel-buffering',
    'no',
    ...PRIVATE_HEADERS,
  ],
}
