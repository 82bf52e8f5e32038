import type { Clock } from '../core/clock.ts'
import type { Forward } from '../proxy/forward.ts'
import type { PreparedRoute } from '../proxy/route.ts'
import type { BrowserSessions } from '../sessions/browser-sessions.ts'
import type { Session } from '../sessions/session.ts'

const MAX_TIMER_MS = 2_147_483_647

/**
 * What ends a connection that outlives its request: the end of the session that it speaks for, and, where the route
 * says so, of the access token that it was opened with. It is no activity itself.
 *
 * @see OWASP WebSocket security cheat sheet
 */
export function createLongConnections(options: {
  readonly sessions: Pick<BrowserSessions, 'endings'>
  readonly clock: Clock
}): (session: Session, route: PreparedRoute) => NonNullable<Forward['watch']> {
  const { sessions, clock } = options
  return (session, { connectionsLast }) =>
    (onEnd) => {
      const unwatch = sessions.endings.watch(session, onEnd)
      const { accessTokenExpiresAt } = session.tokenSet
      if (connectionsLast === 'session' || accessTokenExpiresAt === undefined) return unwatch
      const leftMs = Math.max(0, accessTokenExpiresAt - clock())
      const timer = setTimeout(onEnd, Math.min(leftMs, MAX_TIMER_MS))
      return () => {
        clearTimeout(timer)
        unwatch()
      }
    }
}
