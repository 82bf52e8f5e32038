import { hash } from 'node:crypto'
import { findCookie, listCookies } from '../cookies/parse.ts'
import type { KeyRing } from '../ring/key-ring.ts'
import { stateOf } from './kept-sessions.ts'
import type { OpenedCookie, SealedCookieRefusal, SealedCookies } from './sealed-cookie.ts'
import type { Session, SessionState } from './session.ts'

/** The cookies of a session as a browser sent them, and what answers to them set. */
export interface Brought {
  request: OpenedCookie & { readonly ok: true }
  /** What they say. */
  readonly state: SessionState
  /** That, as a session; made when it is first asked for. */
  session?: Session
  /** What was made of them: parallel requests with the same cookies get the same. */
  successor?: Successor
  /** Gone into a store, or on its way. */
  moving?: Promise<Session>
  /** Their successor did not fit into a header of so many bytes. */
  tooLargeAt?: number
}

/** A session that follows another. */
export interface Successor {
  readonly session: Session
  readonly version: number
  readonly at: number
}

/** What came of a request's cookies. */
export type BroughtReading =
  | { readonly ok: true; readonly brought: Brought }
  | { readonly ok: false; readonly reason: SealedCookieRefusal }

interface Entry {
  readonly brought: Brought
  /** The ring as it was. */
  readonly keys: KeyRing['keys']
}

/**
 * Opens the cookies of requests, and remembers those that opened by their hash, so that the crypto is paid once and
 * parallel requests share what they set. Bounded; the one used longest ago goes first.
 */
export function createBroughtCookies(options: {
  readonly cookies: SealedCookies
  readonly name: string
  readonly ring: KeyRing
  readonly maxEntries: number
}): (cookieHeader: string | undefined) => BroughtReading {
  const { cookies, name, ring, maxEntries } = options
  const entries = new Map<string, Entry>()

  function put(key: string, entry: Entry): BroughtReading {
    entries.delete(key)
    entries.set(key, entry)
    const oldest = entries.size > maxEntries ? entries.keys().next().value : undefined
    if (oldest !== undefined) entries.delete(oldest)
    return { ok: true, brought: entry.brought }
  }

  return (cookieHeader) => {
    const key = hashOf(cookieHeader, name)
    if (key === undefined) return { ok: false, reason: 'absent' }
    const known = entries.get(key)
    // What a ring opened that has changed since is opened again.
    if (known?.keys === ring.keys) {
      measureAgain(known.brought, cookieHeader)
      return put(key, known)
    }
    const request = cookies.open(cookieHeader)
    if (!request.ok) return { ok: false, reason: request.reason }
    const brought = { request, state: stateOf(request.contents) }
    return put(key, { brought, keys: ring.keys })
  }
}

// The same cookies of ours may lie beside others by now: what that makes of the header, its length tells.
function measureAgain(brought: Brought, cookieHeader = ''): void {
  const { request } = brought
  const total = cookieHeader.length + 2
  if (total === request.sizes.total) return
  brought.request = { ...request, sizes: { total, of: request.sizes.of } }
}

// Of all cookies whose names begin with ours: one more of them is another request.
function hashOf(cookieHeader: string | undefined, name: string): string | undefined {
  const single = findCookie(cookieHeader, name)
  if (single.ok && !cookieHeader?.includes(`${name}-`))
    return hash('sha256', single.value, 'base64')
  const all = listCookies(cookieHeader, name)
  return all.length === 0 ? undefined : hash('sha256', JSON.stringify(all), 'base64')
}
