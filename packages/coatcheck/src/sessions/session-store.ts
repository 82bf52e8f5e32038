import type { Bytes } from '../core/bytes.ts'
import type { MaybePromise } from '../core/maybe-promise.ts'

export type { MaybePromise } from '../core/maybe-promise.ts'

/** Why a session ended; the last: at a site that it was handed over to or came from. */
export const END_REASONS = [
  'signed_out',
  'replaced',
  'idle_timeout',
  'absolute_timeout',
  'renewal_refused',
  'ended_by_user',
  'ended_by_operator',
  'provider_signed_out',
  'signed_out_elsewhere',
] as const

/** Why a session ended. */
export type EndReason = (typeof END_REASONS)[number]

const KNOWN_REASONS: ReadonlySet<string> = new Set(END_REASONS)

/** The reason in a text, or `undefined` for none of ours. */
export function readReason(text: string | null | undefined): EndReason | undefined {
  return typeof text === 'string' && KNOWN_REASONS.has(text) ? (text as EndReason) : undefined
}

/** A session as a store sees it: bytes, and columns for sweep, idle and look-up. What decides lies in the seal. */
export interface StoredSession {
  readonly format: 1
  /** 16 bytes of base64url. */
  readonly id: string
  /** Counts replacements. */
  readonly version: number
  /** Milliseconds since 1970, as are all times. */
  readonly createdAt: number
  readonly lastSeenAt: number
  readonly expiresAt: number
  /** Finds a person's sessions; a keyed hash. */
  readonly subjectKey: string
  /** Finds the sessions of one session at the provider; a keyed hash. */
  readonly sidKey?: string
  readonly wraps: readonly Bytes[]
  readonly body: Bytes
  readonly card: Bytes
}

/**
 * Where sessions live. Every operation is atomic, over processes too, where the engine is shared. A store
 * that cannot answer rejects; it never answers "not there" instead. What is over is judged by one clock: the
 * engine's own where it has one, so that processes need not agree on the time.
 *
 * The contract is a suite: `sessionStoreContract` in `coatcheck/testing`.
 */
export interface SessionStore {
  /** The session, unless it was ended or has passed `expiresAt`. */
  get(id: string): MaybePromise<StoredSession | undefined>
  /** Adds a session; rejects when the id is there already. */
  insert(session: StoredSession): MaybePromise<void>
  /** Compare-and-set: false when the session is gone or has another version. Never moves `lastSeenAt` and `expiresAt` back, never creates. */
  replace(session: StoredSession, expectedVersion: number): MaybePromise<boolean>
  /** Moves the times on (never back) and leaves the version; false when the session is gone. Never creates. */
  touch(id: string, lastSeenAt: number, expiresAt: number): MaybePromise<boolean>
  /** Ends a session and gives it back as it was at that moment; the reason is kept for 120 s. */
  delete(id: string, reason: EndReason): MaybePromise<StoredSession | undefined>
  /** Why a session ended, for 120 s after it did. */
  endingOf(id: string): MaybePromise<EndReason | undefined>
  listBySubject(subjectKey: string): MaybePromise<readonly StoredSession[]>
  /** Ends all sessions of a person; gives them back as they were. */
  deleteBySubject(subjectKey: string, reason: EndReason): MaybePromise<readonly StoredSession[]>
  /** Ends all sessions of one session at the provider; gives them back as they were. */
  deleteByProviderSession(sidKey: string, reason: EndReason): MaybePromise<readonly StoredSession[]>
  /**
   * Removes what has passed its time, at most `limit` of a kind; gives back the sessions among it. None where
   * the engine removes sessions by itself. Several processes may sweep at once.
   */
  sweep(limit: number): MaybePromise<readonly StoredSession[]>
  /** A number that grows with each holder, or `undefined` while somebody else holds it. */
  acquireLease(id: string, leaseMs: number): MaybePromise<number | undefined>
  /** Lets go; an old number changes nothing. */
  releaseLease(id: string, fencingNumber: number): MaybePromise<void>
  /** True for the first `max` callers of a key until `expiresAt`, over all processes. */
  claim(key: string, expiresAt: number, max?: number): MaybePromise<boolean>
  putBlob(key: string, bytes: Bytes, expiresAt: number): MaybePromise<void>
  /** The bytes, once. */
  takeBlob(key: string): MaybePromise<Bytes | undefined>
  /**
   * Makes what the store needs (tables), and rejects with `invalid_configuration` for an engine whose settings
   * would lose sessions. Harmless when repeated; a store does it by itself before its first operation.
   */
  prepare?(): MaybePromise<void>
  /**
   * Tells of what any process does, this one included, where the engine can notify. Resolves once notices flow;
   * after an interruption the store comes back by itself and says `resumed`.
   */
  subscribe?(listener: (notice: StoreNotice) => void): MaybePromise<StoreSubscription>
}

/** What a store tells its subscribers. */
export type StoreNotice =
  | { readonly kind: 'ended'; readonly id: string; readonly reason: EndReason }
  /** Somebody let go of a lease: whoever waits for what was done under it can look. */
  | { readonly kind: 'released'; readonly id: string }
  /** Notices may have been missed: forget what was kept because none came. */
  | { readonly kind: 'resumed' }

/** A subscription, until it is closed. */
export interface StoreSubscription {
  close(): MaybePromise<void>
}

/** How long the reason of an ending is kept. */
export const ENDING_KEPT_MS = 120_000
