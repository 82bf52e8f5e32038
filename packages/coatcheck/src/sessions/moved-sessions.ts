import type { Clock } from '../core/clock.ts'
import type { SetSession } from './browser-sessions.ts'
import type { EndedSessions } from './ended-sessions.ts'
import type { SessionEvent } from './events.ts'
import { type SessionState, shortIdOf } from './session.ts'
import type { EndReason } from './session-store.ts'
import type { TicketSessions } from './ticket-sessions.ts'

/** Sessions that had grown too large for cookies and went into a store. */
export interface MovedSessions {
  /** Whether a session was moved, or is on its way. */
  has(id: string): boolean
  /** Where a session lies by now: moved once, whoever asks. `undefined` when it is over. */
  move(state: SessionState): Promise<SetSession | undefined>
  /** A session that lay in cookies ended: so does what it became. */
  endSuccessor(id: string, reason: EndReason): Promise<void>
  /** A session of the store ended: what it was before is over with it. */
  endFormer(id: string, reason: EndReason): void
}

interface Move {
  readonly until: number
  readonly moved: Promise<SetSession>
  /** Once it is done. */
  set?: SetSession
}

const MAX_MOVES = 10_000

/**
 * Moves sessions and remembers where to, so that an old cookie leads to the same session of the store, and each ends with
 * the other, as far as this process knows. Beyond so many the oldest moves are forgotten.
 */
export function createMovedSessions(options: {
  readonly tickets: TicketSessions
  readonly ended: EndedSessions
  readonly clock: Clock
  readonly onEvent: (event: SessionEvent) => void
}): MovedSessions {
  const { tickets, ended, clock, onEvent } = options
  const moves = new Map<string, Move>()
  const formerOf = new Map<string, string>()

  function start(state: SessionState): Move {
    const { id, contents } = state
    const moved = tickets.adopt(contents)
    const move: Move = { until: contents.absoluteEndsAt, moved }
    moves.set(id, move)
    forget()
    moved.then(
      (set) => {
        const { session } = set
        move.set = set
        formerOf.set(session.id, id)
        onEvent({ type: 'session.moved', session: shortIdOf(id), to: session.shortId })
      },
      // A store that was down is asked again by the next request.
      () => void moves.delete(id),
    )
    return move
  }

  function forget(): void {
    for (const [id, { until, set }] of moves) {
      if (moves.size <= MAX_MOVES && until > clock()) return
      moves.delete(id)
      if (set !== undefined) formerOf.delete(set.session.id)
    }
  }

  async function move(state: SessionState): Promise<SetSession | undefined> {
    const { moved, until } = moves.get(state.id) ?? start(state)
    const { setCookies } = await moved
    // Ended while it was on its way, or in another process since: the store is asked, each time.
    const [cookie] = setCookies[0]?.split(';') ?? []
    const reading = await tickets.read(cookie)
    const reason = ended.reasonOf(state.id)
    if (reading.ok && reason === undefined) return { session: reading.session, setCookies }
    if (reading.ok) await tickets.end(reading.session, reason ?? 'signed_out')
    else ended.add(state.id, 'ended_by_operator', until)
    return undefined
  }

  return {
    has: (id) => moves.has(id),
    move,
    endSuccessor: async (id, reason) => {
      // What is on its way finds out by itself.
      const set = moves.get(id)?.set
      if (set !== undefined) await tickets.end(set.session, reason)
    },
    endFormer: (ticketId, reason) => {
      const id = formerOf.get(ticketId)
      const move = id === undefined ? undefined : moves.get(id)
      if (id !== undefined && move !== undefined) ended.add(id, reason, move.until)
      formerOf.delete(ticketId)
    },
  }
}
