import type { Clock } from '../core/clock.ts'
import { codeOfError } from '../core/errors.ts'
import type { RenewalNote } from './card.ts'
import { createEndedSessions, type EndedSessions } from './ended-sessions.ts'
import { createEndings, type Endings } from './endings.ts'
import type { SessionEvent } from './events.ts'
import type { Notices } from './notices.ts'
import { behindSession, type Session, type SessionState, shortIdOf } from './session.ts'
import type { EndReason } from './session-store.ts'

/** What a token is good for. */
export type TokenKind = 'access_token' | 'refresh_token'

/** Revokes a token at the provider. */
export type RevokeToken = (token: string, kind: TokenKind) => Promise<void>

/** What {@link createSealedEndings} needs. */
export interface SealedEndingsOptions {
  readonly clock: Clock
  readonly notices: Notices
  readonly revoke?: RevokeToken | undefined
  /** What a session stands for by now. */
  readonly current: (state: SessionState) => SessionState
  /** A session is over: whatever is kept of it can go. */
  readonly forget: (id: string) => void
  readonly onEvent: (event: SessionEvent) => void
}

/** The end of sessions that lie in cookies. */
export interface SealedEndings {
  readonly ended: EndedSessions
  readonly endings: Endings
  /** False when it had ended already, as far as this process knows. */
  end(session: Session, reason: EndReason, revokes: boolean): Promise<boolean>
  onEnded(state: SessionState, reason: EndReason, last?: RenewalNote): void
  revoke(token: string, kind: TokenKind, id: string): Promise<void>
}

/**
 * Nothing can be deleted where nothing is kept: the end is remembered in this process, and whatever the session was good
 * for is revoked at the provider, the access token too, so that a copy of the cookie that another process still opens
 * calls no API that asks.
 *
 * @see RFC 7009
 */
export function createSealedEndings(options: SealedEndingsOptions): SealedEndings {
  const { clock, onEvent } = options
  const ended = createEndedSessions(clock)
  const endings = createEndings({
    // What other processes have set since, only the browser knows.
    look: ({ id, idleEndsAt }) =>
      ended.reasonOf(id) ?? (clock() >= idleEndsAt ? 'ask_again' : undefined),
    notices: options.notices,
    clock,
  })

  function onEnded(state: SessionState, reason: EndReason, last?: RenewalNote): void {
    const { id, contents } = state
    if (!ended.add(id, reason, contents.absoluteEndsAt)) return
    const { subject } = contents.tokenSet
    const renewals = last === undefined ? {} : { renewals: [last] }
    onEvent({ type: 'session.ended', session: shortIdOf(id), reason, subject, ...renewals })
    options.forget(id)
    endings.tell(id, reason)
  }

  async function end(session: Session, reason: EndReason, revokes: boolean): Promise<boolean> {
    if (ended.reasonOf(session.id) !== undefined) return false
    const state = options.current(behindSession(session))
    onEnded(state, reason)
    if (!revokes) return true
    const { refreshToken, accessToken } = state.contents.tokenSet
    const revoked = [revoke(accessToken, 'access_token', session.id)]
    if (refreshToken !== undefined) revoked.push(revoke(refreshToken, 'refresh_token', session.id))
    await Promise.all(revoked)
    return true
  }

  async function revoke(token: string, kind: TokenKind, id: string): Promise<void> {
    try {
      await options.revoke?.(token, kind)
    } catch (error) {
      const code = codeOfError(error)
      onEvent({ type: 'session.revocation_failed', session: shortIdOf(id), code })
    }
  }

  return { ended, endings, end, onEnded, revoke }
}
