import type { KeyObject } from 'node:crypto'
import type { Bytes } from '../core/bytes.ts'
import type { VerifiedTokenSet } from '../tokens/verified-token-set.ts'
import type { RecordContents, SessionContents } from './contents.ts'
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

/** What stands behind a session, wherever it lies. */
export interface SessionState {
  readonly id: string
  readonly version: number
  readonly lastSeenAt: number
  readonly contents: SessionContents
}

/** What opening a record gives. */
export interface Opening {
  readonly contents: RecordContents
  readonly dataKey: KeyObject
  /** The data key's wrap for the next version, where it was opened under a former key of the ring. */
  readonly freshWrap?: Bytes | undefined
}

/** What stands behind a session that a store keeps. */
export interface OpenedSession extends SessionState, Opening {
  readonly stored: StoredSession
  readonly contents: RecordContents
}

const states = new WeakMap<Session, SessionState>()

/** A record and what opening it gave. */
export function openedSession(stored: StoredSession, opening: Opening): OpenedSession {
  const { id, version, lastSeenAt } = stored
  const { contents, dataKey, freshWrap } = opening
  return { id, version, lastSeenAt, stored, contents, dataKey, freshWrap }
}

/** Makes a session of what was opened. */
export function createSession(state: SessionState, { idleMs, absoluteMs }: Lifetime): Session {
  const { id, version, lastSeenAt, contents } = state
  const absoluteEndsAt = Math.min(contents.absoluteEndsAt, contents.createdAt + absoluteMs)
  const session: Session = Object.freeze({
    id,
    shortId: shortIdOf(id),
    version,
    createdAt: contents.createdAt,
    lastSeenAt,
    idleEndsAt: Math.min(lastSeenAt + idleMs, absoluteEndsAt),
    absoluteEndsAt,
    tokenSet: contents.tokenSet,
  })
  states.set(session, state)
  return session
}

/** What stands behind a session; throws for anything that only looks like one. */
export function behindSession(session: Session): SessionState {
  const state = states.get(session)
  if (state === undefined) throw new TypeError('not a session that was opened here')
  return state
}

/** The record behind a session; throws for one that no store keeps. */
export function recordBehind(session: Session): OpenedSession {
  const state = behindSession(session)
  if (!isOpenedRecord(state)) throw new TypeError('not a session of a store')
  return state
}

function isOpenedRecord(state: SessionState): state is OpenedSession {
  return 'stored' in state
}

/** What logs call a session. */
export function shortIdOf(id: string): string {
  return id.slice(0, 8)
}
