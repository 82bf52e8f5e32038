import type { KeyObject } from 'node:crypto'
import type { Bytes } from '../core/bytes.ts'
import type { VerifiedTokenSet } from '../tokens/verified-token-set.ts'
import type { SessionContents } from './contents.ts'
import type { Lifetime } from './lifetimes.ts'
import type { StoredSession } from './session-store.ts'

/** A session, opened. It prints no token and no key. */
export interface Session {
  /** 22 characters; finds the session, opens nothing. Not for logs. */
  readonly id: string
  /** The first eight characters of the id, for logs. */
  readonly shortId: string
  readonly version: number
  /** Milliseconds since 1970, as are all times. */
  readonly createdAt: number
  readonly lastSeenAt: number
  /** When it ends unless it is used. */
  readonly idleEndsAt: number
  /** When it ends in any case. */
  readonly absoluteEndsAt: number
  readonly tokenSet: VerifiedTokenSet
}

/** What stands behind a session. */
export interface OpenedSession {
  readonly stored: StoredSession
  readonly contents: SessionContents
  readonly dataKey: KeyObject
  /** The data key's wrap for the next version, where it was opened under a former key of the ring. */
  readonly freshWrap?: Bytes | undefined
}

const opened = new WeakMap<Session, OpenedSession>()

/** Makes a session of what was opened. */
export function createSession(behind: OpenedSession, { idleMs, absoluteMs }: Lifetime): Session {
  const { stored, contents } = behind
  const absoluteEndsAt = Math.min(contents.absoluteEndsAt, contents.createdAt + absoluteMs)
  const session: Session = Object.freeze({
    id: stored.id,
    shortId: shortIdOf(stored.id),
    version: stored.version,
    createdAt: contents.createdAt,
    lastSeenAt: stored.lastSeenAt,
    idleEndsAt: Math.min(stored.lastSeenAt + idleMs, absoluteEndsAt),
    absoluteEndsAt,
    tokenSet: contents.tokenSet,
  })
  opened.set(session, behind)
  return session
}

/** What stands behind a session; throws for anything that only looks like one. */
export function behindSession(session: Session): OpenedSession {
  const behind = opened.get(session)
  if (behind === undefined) throw new TypeError('not a session that was opened here')
  return behind
}

/** What logs call a session. */
export function shortIdOf(id: string): string {
  return id.slice(0, 8)
}
