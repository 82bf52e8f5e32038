import { type Clock, systemClock } from '../core/clock.ts'
import { codeOfError } from '../core/errors.ts'
import { andThen, type MaybePromise } from '../core/maybe-promise.ts'
import { type RandomSource, systemRandom } from '../core/random.ts'
import type { KeyRing } from '../ring/key-ring.ts'
import { beginContents, type CreateSessionInput } from './begin-session.ts'
import { createCachedReads } from './cached-reads.ts'
import type { RenewalNote, SessionCard } from './card.ts'
import type { SessionContents } from './contents.ts'
import { createEndings, type Endings } from './endings.ts'
import type { SessionEvent } from './events.ts'
import { guardStore } from './guarded-store.ts'
import { createLifetimes, type LifetimeOptions } from './lifetimes.ts'
import { createNotices } from './notices.ts'
import { createRecords, type RecordBinding } from './record.ts'
import type { AccessTokenResult } from './renewal.ts'
import { createRenewalOver, type RenewalSettings } from './renewal-over.ts'
import { createRewriting } from './rewriting.ts'
import { createSession, openedSession, recordBehind, type Session, shortIdOf } from './session.ts'
import { createSessionCache } from './session-cache.ts'
import { createSessionList, type SessionList } from './session-list.ts'
import type { EndReason, SessionStore, StoredSession } from './session-store.ts'
import { createTicket, parseTicket, ticketHash, ticketId } from './ticket.ts'

export type { Session } from './session.ts'
export type { ListedSession } from './session-list.ts'

/** What {@link createSessions} needs. */
export interface SessionsOptions extends RecordBinding, RenewalSettings {
  readonly ring: KeyRing
  readonly store: SessionStore
  /** Default: 1800. */
  readonly idleSeconds?: number | undefined
  /** Default: 43200. */
  readonly absoluteSeconds?: number | undefined
  /** The lifetimes of remembered sessions. Default: nobody is remembered. */
  readonly remembered?: LifetimeOptions
  /** How many opened sessions are kept in memory; the store is read all the same. Default: 10,000. */
  readonly openedCacheEntries?: number
  /**
   * For how many seconds a session read from the store is used without reading it again: one that ended in
   * another process may live on here so long, unless the store notifies. Default: 0, read at each request.
   */
  readonly cacheSeconds?: number
  /** How long the store may take to answer, in seconds. Default: 3. */
  readonly storeTimeoutSeconds?: number
  readonly clock?: Clock
  readonly random?: RandomSource
  /** Revokes a refresh token. */
  readonly revoke?: (refreshToken: string) => Promise<void>
  readonly onEvent?: (event: SessionEvent) => void
  /** Is told of each session that this process ends, by its whole id. Default: nobody. */
  readonly onEnded?: EndedListener | undefined
}

/** Hears that a session ended, with what its card says where that can be read. */
export type EndedListener = (id: string, reason: EndReason, card: SessionCard | undefined) => void

/** What came of a ticket; the reason is for the log, over HTTP all are `signed_out`. */
export type LoadResult =
  | { readonly ok: true; readonly session: Session }
  | {
      readonly ok: false
      readonly reason:
        | 'malformed'
        | 'unknown'
        | 'idle_timeout'
        | 'absolute_timeout'
        | 'tampered'
        | 'unknown_key'
    }

/** What a server keeps of its signed-in browsers. Every method rejects with `store_unavailable` when the store does not answer. */
export interface Sessions extends SessionList {
  /** A new session and the ticket that opens it: the only time that the ticket is seen. */
  create(input: CreateSessionInput): Promise<{ readonly ticket: string; readonly session: Session }>
  /** A session that lay elsewhere until now, as old as it was, and a ticket for it. */
  adopt(contents: SessionContents): Promise<{ readonly ticket: string; readonly session: Session }>
  /** Finds and opens the session of a ticket. Reads the store each time. */
  load(ticket: string): MaybePromise<LoadResult>
  /** Counts as activity; writes after a tenth of the idle time only. `undefined` when the session ended meanwhile. */
  touch(session: Session): MaybePromise<Session | undefined>
  /** The access token, renewed if it is about to end: once, however many ask. */
  accessToken(session: Session): MaybePromise<AccessTokenResult>
  /** Ends a session; with `revoke` its newest refresh token too. False when it had ended already. */
  end(
    session: Session,
    reason: EndReason,
    options?: { readonly revoke?: boolean },
  ): Promise<boolean>
  /** Removes what is over, `limit` at most; gives back how many sessions. */
  sweep(limit: number): Promise<number>
  /** Tells when a session ends, wherever that happens. */
  readonly endings: Endings
  /** Stops listening to the store; sessions stay. */
  close(): Promise<void>
}

const MAX_USER_AGENT_CHARACTERS = 256

/** Sessions over a store: sealing, timeouts, renewal. */
export function createSessions(options: SessionsOptions): Sessions {
  const { ring, onEvent = () => {} } = options
  const clock = options.clock ?? systemClock
  const random = options.random ?? systemRandom
  const lifetimes = createLifetimes(options)
  const maxEntries = options.openedCacheEntries ?? 10_000
  const guarded = guardStore(options.store, (options.storeTimeoutSeconds ?? 3) * 1000)
  const notices = createNotices(guarded)
  const cacheMs = (options.cacheSeconds ?? 0) * 1000
  const reads = createCachedReads({ store: guarded, notices, clock, cacheMs, maxEntries })
  const { store } = reads
  const records = createRecords(ring, options, random)
  const cache = createSessionCache(maxEntries, ring)
  const endings = createEndings({ look, notices, clock })
  const renewal = createRenewalOver(options, {
    place: createRewriting({ store, records, lifetimes, onEnded: ended }),
    notices,
    clock,
    random,
    revoke,
    onEvent,
  })
  const list = createSessionList({ store, records, onEnded: ended })

  async function create(input: CreateSessionInput) {
    const begun = await insert(beginContents(input, lifetimes, clock()), {
      userAgent: input.userAgent?.slice(0, MAX_USER_AGENT_CHARACTERS),
      address: input.address,
    })
    const { shortId, tokenSet } = begun.session
    onEvent({ type: 'session.created', session: shortId, subject: tokenSet.subject })
    return begun
  }

  async function insert(
    begun: SessionContents,
    from: Readonly<Record<'userAgent' | 'address', string | undefined>>,
  ) {
    const { value, ...ticket } = createTicket(random)
    const now = clock()
    const { tokenSet, createdAt, absoluteEndsAt } = begun
    const lifetime = lifetimes.of(begun)
    const sid = tokenSet.claims.sid
    const subjectKey = records.lookupKey('sub', tokenSet.subject)
    const sidKey = typeof sid === 'string' ? { sidKey: records.lookupKey('sid', sid) } : {}
    const contents = { ...begun, subjectKey, ...sidKey }
    const { ties } = begun
    const about = { ...given(from), ...(ties && { ties }) }
    const card = { subject: tokenSet.subject, createdAt, ...about, renewals: [] }
    const { dataKey, ...sealed } = records.seal(ticket, contents, card)
    const expiresAt = Math.min(now + lifetime.idleMs, absoluteEndsAt)
    const stored: StoredSession = {
      format: 1,
      id: ticket.id,
      version: 1,
      createdAt,
      lastSeenAt: now,
      expiresAt,
      subjectKey,
      ...sidKey,
      ...sealed,
    }
    await store.insert(stored)
    const session = createSession(openedSession(stored, { contents, dataKey }), lifetime)
    cache.put(session, ticketHash(value))
    return { ticket: value, session }
  }

  function load(value: string): MaybePromise<LoadResult> {
    const id = ticketId(value)
    if (id === undefined) return { ok: false, reason: 'malformed' }
    return andThen(reads.get(id), (stored) => open(value, stored))
  }

  function open(value: string, stored: StoredSession | undefined): MaybePromise<LoadResult> {
    if (stored === undefined) return { ok: false, reason: 'unknown' }
    const hash = ticketHash(value)
    const kept = cache.get(stored, hash)
    if (kept !== undefined) return checkTimes(kept)
    const ticket = parseTicket(value)
    if (ticket === undefined) return { ok: false, reason: 'malformed' }
    const opened = records.open(stored, ticket)
    if (!opened.ok) return opened
    const session = createSession(openedSession(stored, opened), lifetimes.of(opened.contents))
    cache.put(session, hash)
    return checkTimes(session)
  }

  function checkTimes(session: Session): MaybePromise<LoadResult> {
    const now = clock()
    if (now < session.idleEndsAt) return { ok: true, session }
    const reason = now < session.absoluteEndsAt ? 'idle_timeout' : 'absolute_timeout'
    return andThen(end(session, reason), () => ({ ok: false, reason }))
  }

  function touch(session: Session): MaybePromise<Session | undefined> {
    const now = clock()
    const behind = recordBehind(session)
    const lifetime = lifetimes.of(behind.contents)
    if (now - session.lastSeenAt < lifetime.idleMs / 10) return session
    const expiresAt = Math.min(now + lifetime.idleMs, session.absoluteEndsAt)
    return andThen(store.touch(session.id, now, expiresAt), (isThere) => {
      if (!isThere) return undefined
      const stored = { ...behind.stored, lastSeenAt: now, expiresAt }
      const touched = createSession(openedSession(stored, behind), lifetime)
      cache.renew(session, touched)
      return touched
    })
  }

  async function end(
    session: Session,
    reason: EndReason,
    { revoke: revokes = false }: { readonly revoke?: boolean } = {},
  ): Promise<boolean> {
    let deleted: StoredSession | undefined
    try {
      deleted = await store.delete(session.id, reason)
    } catch (error) {
      // Perhaps it is gone all the same: then nobody else could revoke what it held.
      if (revokes) await revokeOf(session)
      // Whoever wanted to be signed out here wanted it everywhere.
      options.onEnded?.(session.id, reason, records.openCard(recordBehind(session).stored))
      throw error
    }
    if (deleted === undefined) return false
    ended(deleted, reason)
    // A renewal may have replaced the refresh token since the session was read: what was deleted is the newest.
    if (revokes) await revokeOf(session, records.reopen(deleted, recordBehind(session).dataKey))
    return true
  }

  async function revokeOf(session: Session, newest?: SessionContents): Promise<void> {
    const { refreshToken } = newest?.tokenSet ?? session.tokenSet
    if (refreshToken !== undefined) await revoke(refreshToken, session.id)
  }

  function ended(stored: StoredSession, reason: EndReason, last?: RenewalNote): void {
    const { id } = stored
    cache.drop(id)
    const card = records.openCard(stored)
    const told =
      card === undefined
        ? {}
        : {
            subject: card.subject,
            renewals: last === undefined ? card.renewals : [...card.renewals, last].slice(-10),
          }
    onEvent({ type: 'session.ended', session: shortIdOf(id), reason, ...told })
    endings.tell(id, reason)
    options.onEnded?.(id, reason, card)
  }

  async function revoke(refreshToken: string, id: string): Promise<void> {
    try {
      await options.revoke?.(refreshToken)
    } catch (error) {
      const code = codeOfError(error)
      onEvent({ type: 'session.revocation_failed', session: shortIdOf(id), code })
    }
  }

  async function look({ id }: Session): Promise<EndReason | undefined> {
    if ((await store.get(id)) !== undefined) return undefined
    return (await store.endingOf(id)) ?? 'idle_timeout'
  }

  async function sweep(limit: number): Promise<number> {
    const swept = await store.sweep(limit)
    // What expires is the earlier of both ends; the columns say which.
    for (const stored of swept) {
      const isAbsolute = lifetimes.isAbsoluteEnd(stored.createdAt, stored.expiresAt)
      ended(stored, isAbsolute ? 'absolute_timeout' : 'idle_timeout')
    }
    return swept.length
  }

  return {
    create,
    adopt: (contents) => insert(contents, { userAgent: undefined, address: undefined }),
    load,
    touch,
    end,
    sweep,
    accessToken: renewal.accessToken,
    ...list,
    endings,
    close: async () => {
      endings.close()
      await notices.close()
    },
  }
}

function given(texts: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const list = Object.entries(texts).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  )
  return Object.fromEntries(list)
}
