import type { Bytes } from '../../core/bytes.ts'
import { type Clock, systemClock } from '../../core/clock.ts'
import { CoatcheckError } from '../../core/errors.ts'
import {
  ENDING_KEPT_MS,
  type EndReason,
  type SessionStore,
  type StoredSession,
  type StoreNotice,
} from '../session-store.ts'
import { packRecord, unpackRecord } from './packed-record.ts'

/** Options of {@link memoryStore}. */
export interface MemoryStoreOptions {
  /** Milliseconds since 1970. Default: the machine's clock. */
  readonly clock?: Clock
}

/** Ids under a key. Nearly always it is one, and a set would take more memory than all else about it. */
type Index = Map<string, string | Set<string>>

/** How many sessions a sweep looks at, so that it never holds up requests. */
const MAX_LOOKS = 20_000

/**
 * Sessions in this process: gone when it ends, and unknown to other processes. For development, tests, and
 * one process that may sign everyone out at a restart. It grows with its sessions; `sweep` removes what is
 * over, and no live session is ever dropped.
 *
 * @example
 * const store = memoryStore()
 */
export function memoryStore(options: MemoryStoreOptions = {}): SessionStore {
  const clock = options.clock ?? systemClock
  const sessions = new Map<string, StoredSession>()
  const bySubject: Index = new Map()
  const bySid: Index = new Map()
  const endings = new Map<string, { readonly reason: EndReason; readonly until: number }>()
  const leases = new Map<string, { readonly fencingNumber: number; readonly until: number }>()
  const claims = new Map<string, { count: number; readonly expiresAt: number }>()
  const blobs = new Map<string, { readonly bytes: Bytes; readonly expiresAt: number }>()
  const listeners = new Set<(notice: StoreNotice) => void>()
  let cursor = sessions.values()
  let fencingNumbers = 0

  function get(id: string): StoredSession | undefined {
    const session = sessions.get(id)
    return session !== undefined && session.expiresAt > clock() ? session : undefined
  }

  function remove(id: string, reason: EndReason): StoredSession | undefined {
    const session = sessions.get(id)
    if (session === undefined) return undefined
    sessions.delete(id)
    unindex(session)
    endings.set(id, { reason, until: clock() + ENDING_KEPT_MS })
    tell({ kind: 'ended', id, reason })
    return session
  }

  function index({ id, subjectKey, sidKey }: StoredSession): void {
    addTo(bySubject, subjectKey, id)
    if (sidKey !== undefined) addTo(bySid, sidKey, id)
  }

  function unindex({ id, subjectKey, sidKey }: StoredSession): void {
    dropFrom(bySubject, subjectKey, id)
    if (sidKey !== undefined) dropFrom(bySid, sidKey, id)
  }

  function tell(notice: StoreNotice): void {
    for (const listener of listeners) listener(notice)
  }

  function removeAll(ids: readonly string[], reason: EndReason): readonly StoredSession[] {
    return ids.flatMap((id) => remove(id, reason) ?? [])
  }

  // Goes on where the last sweep stopped: a million sessions are not looked through at once.
  function nextSession(): StoredSession | undefined {
    let next = cursor.next()
    if (next.done === true) {
      cursor = sessions.values()
      next = cursor.next()
    }
    return next.done === true ? undefined : next.value
  }

  return {
    get,
    insert: (session) => {
      if (sessions.has(session.id))
        throw new CoatcheckError('wrong_use', { detail: 'A session of this id is there.' })
      sessions.set(session.id, copyOf(session))
      index(session)
    },
    replace: (session, expectedVersion) => {
      const current = get(session.id)
      if (current === undefined || current.version !== expectedVersion) return false
      const lastSeenAt = Math.max(current.lastSeenAt, session.lastSeenAt)
      const expiresAt = Math.max(current.expiresAt, session.expiresAt)
      unindex(current)
      index(session)
      sessions.set(session.id, { ...copyOf(session), lastSeenAt, expiresAt })
      return true
    },
    touch: (id, lastSeenAt, expiresAt) => {
      const current = get(id)
      if (current === undefined) return false
      sessions.set(id, {
        ...current,
        lastSeenAt: Math.max(current.lastSeenAt, lastSeenAt),
        expiresAt: Math.max(current.expiresAt, expiresAt),
      })
      return true
    },
    delete: remove,
    endingOf: (id) => {
      const ending = endings.get(id)
      return ending !== undefined && ending.until > clock() ? ending.reason : undefined
    },
    listBySubject: (key) => idsUnder(bySubject, key).flatMap((id) => get(id) ?? []),
    deleteBySubject: (key, reason) => removeAll(idsUnder(bySubject, key), reason),
    deleteByProviderSession: (key, reason) => removeAll(idsUnder(bySid, key), reason),
    sweep: (limit) => {
      const now = clock()
      const over: string[] = []
      for (let looks = Math.min(sessions.size, MAX_LOOKS); looks > 0 && over.length < limit; ) {
        looks -= 1
        const session = nextSession()
        if (session !== undefined && session.expiresAt <= now) over.push(session.id)
      }
      const swept = removeAll(over, 'idle_timeout')
      dropOver(endings, (ending) => ending.until, now, limit)
      dropOver(leases, (lease) => lease.until, now, limit)
      dropOver(claims, (claim) => claim.expiresAt, now, limit)
      dropOver(blobs, (blob) => blob.expiresAt, now, limit)
      return swept
    },
    acquireLease: (id, leaseMs) => {
      const now = clock()
      if ((leases.get(id)?.until ?? 0) > now) return undefined
      fencingNumbers += 1
      leases.set(id, { fencingNumber: fencingNumbers, until: now + leaseMs })
      return fencingNumbers
    },
    releaseLease: (id, fencingNumber) => {
      if (leases.get(id)?.fencingNumber !== fencingNumber) return
      leases.delete(id)
      tell({ kind: 'released', id })
    },
    claim: (key, expiresAt, max = 1) => {
      const now = clock()
      if (expiresAt <= now) return false
      const claim = claims.get(key)
      if (claim === undefined || claim.expiresAt <= now) {
        claims.set(key, { count: 1, expiresAt })
        return max > 0
      }
      if (claim.count >= max) return false
      claim.count += 1
      return true
    },
    putBlob: (key, bytes, expiresAt) => {
      blobs.set(key, { bytes: bytes.slice(), expiresAt })
    },
    takeBlob: (key) => {
      const blob = blobs.get(key)
      blobs.delete(key)
      return blob !== undefined && blob.expiresAt > clock() ? blob.bytes : undefined
    },
    subscribe: (listener) => {
      listeners.add(listener)
      return { close: () => void listeners.delete(listener) }
    },
  }
}

// A caller may go on to use its bytes for something else. In one piece: the garbage collector looks at every buffer.
function copyOf(session: StoredSession): StoredSession {
  return { ...session, ...unpackRecord(packRecord(session)) }
}

function idsUnder(index: Index, key: string): readonly string[] {
  const ids = index.get(key)
  if (ids === undefined) return []
  return typeof ids === 'string' ? [ids] : [...ids]
}

function addTo(index: Index, key: string, id: string): void {
  const ids = index.get(key)
  if (ids === undefined) index.set(key, id)
  else if (typeof ids !== 'string') ids.add(id)
  else if (ids !== id) index.set(key, new Set([ids, id]))
}

function dropFrom(index: Index, key: string, id: string): void {
  const ids = index.get(key)
  if (ids === id) index.delete(key)
  if (ids === undefined || typeof ids === 'string') return
  ids.delete(id)
  if (ids.size === 0) index.delete(key)
}

function dropOver<T>(
  map: Map<string, T>,
  endOf: (entry: T) => number,
  now: number,
  limit: number,
): void {
  let left = limit
  for (const [key, entry] of map) {
    if (left <= 0) return
    if (endOf(entry) > now) continue
    map.delete(key)
    left -= 1
  }
}
