import { hash } from 'node:crypto'
import { findCookie, listCookies } from '../cookies/parse.ts'
import type { KeyRing } from '../ring/key-ring.ts'
import type { SessionContents } from './contents.ts'
import type { PackedContents } from './packed-contents.ts'
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
  /** What did not fit, into a header of so many bytes. */
  tooLarge?: { readonly contents: SessionContents; readonly headerBytes: number }
}

/** A session that follows another. */
export interface Successor {
  readonly session: Session
  readonly contents: SessionContents
  readonly at: number
}

/** What came of a request's cookies. */
export type BroughtReading =
  | { readonly ok: true; readonly brought: Brought }
  | { readonly ok: false; readonly reason: SealedCookieRefusal }

/** Opened cookies. */
export interface BroughtCookies {
  open(cookieHeader: string | undefined): BroughtReading
  /** Forgets what a session lay in. */
  forget(id: string): void
}

interface Entry {
  readonly brought: Brought
  /** The ring as it was. */
  readonly keys: KeyRing['keys']
}

// The cookies of before and those of now; made-up ones beside them must not push out anybody else's.
const MAX_PER_SESSION = 2

/**
 * Opens the cookies of requests, and remembers those that opened by their hash, so that the crypto is paid once and
 * parallel requests share what they set. Bounded; the one used longest ago goes first.
 */
export function createBroughtCookies(options: {
  readonly cookies: SealedCookies
  readonly name: string
  readonly ring: KeyRing
  readonly maxEntries: number
  readonly stateOf: (contents: PackedContents) => SessionState
}): BroughtCookies {
  const { cookies, name, ring, maxEntries, stateOf } = options
  const entries = new Map<string, Entry>()
  const keysOf = new Map<string, readonly string[]>()

  function put(key: string, entry: Entry): BroughtReading {
    const { brought } = entry
    const { id } = brought.state
    if (entries.delete(key)) entries.set(key, entry)
    else {
      entries.set(key, entry)
      const keys = [...(keysOf.get(id) ?? []), key]
      for (const old of keys.splice(0, keys.length - MAX_PER_SESSION)) entries.delete(old)
      keysOf.set(id, keys)
      makeRoom()
    }
    return { ok: true, brought }
  }

  function makeRoom(): void {
    const [key, entry] = entries.size > maxEntries ? (entries.entries().next().value ?? []) : []
    if (key === undefined || entry === undefined) return
    entries.delete(key)
    const { id } = entry.brought.state
    const left = (keysOf.get(id) ?? []).filter((each) => each !== key)
    if (left.length === 0) keysOf.delete(id)
    else keysOf.set(id, left)
  }

  return {
    open: (cookieHeader) => {
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
      return put(key, { brought: { request, state: stateOf(request.contents) }, keys: ring.keys })
    },
    forget: (id) => {
      for (const key of keysOf.get(id) ?? []) entries.delete(key)
      keysOf.delete(id)
    },
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
