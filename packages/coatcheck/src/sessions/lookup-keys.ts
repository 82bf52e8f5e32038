import { encodeBase64url } from '../core/bytes.ts'
import type { KeyRing, RingKey } from '../ring/key-ring.ts'
import type { RecordContents } from './contents.ts'
import type { StoredSession } from './session-store.ts'

type Kind = 'sub' | 'sid'

/** Under what a store finds the sessions of a person, or of one session at the provider: keyed hashes. */
export interface LookupKeys {
  /** Under the key that seals. */
  current(kind: Kind, value: string): string
  /**
   * Under each key of the ring. The oldest first: a session that moves meanwhile goes to where the search has
   * not been yet.
   */
  all(kind: Kind, value: string): readonly string[]
  /** A session's look-up keys under the key that seals. */
  move(
    stored: StoredSession,
    contents: RecordContents,
  ): Pick<StoredSession, 'subjectKey' | 'sidKey'>
}

/** Look-up keys of one site and issuer. */
export function createLookupKeys(
  ring: KeyRing,
  { site, issuer }: { readonly site: string; readonly issuer: string },
): LookupKeys {
  const keyOf = (key: RingKey, kind: Kind, value: string): string =>
    encodeBase64url(key.mac('lookup', site, issuer, kind, value))
  const current = (kind: Kind, value: string): string => keyOf(ring.current, kind, value)
  const all = (kind: Kind, value: string): readonly string[] =>
    ring.keys.map((key) => keyOf(key, kind, value))

  // A renewal may have brought another `sid`: what finds the session stays what it was made of.
  function moved(kind: Kind, value: unknown, key: string): string {
    return typeof value === 'string' && all(kind, value).includes(key) ? current(kind, value) : key
  }

  return {
    current,
    all,
    move: ({ subjectKey, sidKey }, { tokenSet }) => ({
      subjectKey: moved('sub', tokenSet.subject, subjectKey),
      ...(sidKey === undefined ? {} : { sidKey: moved('sid', tokenSet.claims.sid, sidKey) }),
    }),
  }
}
