import { createSecretKey, type KeyObject } from 'node:crypto'
import { type Bytes, encodeUtf8 } from '../core/bytes.ts'
import type { RandomSource } from '../core/random.ts'
import type { KeyRing } from '../ring/key-ring.ts'
import { openBytes, sealBytes } from '../seal/aead.ts'
import { createCards, type RenewalNote, type SessionCard } from './card.ts'
import { decodeContents, encodeContents, type RecordContents } from './contents.ts'
import { createLookupKeys } from './lookup-keys.ts'
import type { OpenedSession, Opening } from './session.ts'
import type { StoredSession } from './session-store.ts'
import type { Ticket } from './ticket.ts'
import { createWraps, KEY_BYTES, NONCE_BYTES } from './wraps.ts'

/** Where sessions belong: bound into every seal, so that none opens at another site or provider. */
export interface RecordBinding {
  readonly site: string
  readonly issuer: string
  readonly clientId: string
}

/** Seals and opens sessions. */
export interface Records {
  /** A new session's bytes, under a new data key that only ring and ticket together open. */
  seal(ticket: Ticket, contents: RecordContents, card: SessionCard): SealedRecord
  /** The bytes of the next version, under the same data key. */
  reseal(dataKey: KeyObject, id: string, version: number, contents: RecordContents): Bytes
  open(stored: StoredSession, ticket: Ticket): OpenedRecord
  /** Opens another version of a session that is open already. */
  reopen(stored: StoredSession, dataKey: KeyObject): RecordContents | undefined
  /** A session as it is, but for what lies under a former key of the ring: that lies under the current one. */
  move(opened: OpenedSession): StoredSession
  /** The key under which new sessions are found. */
  lookupKey(kind: 'sub' | 'sid', value: string): string
  /** All keys under which sessions may be found: one for each key of the ring, the oldest first. */
  lookupKeys(kind: 'sub' | 'sid', value: string): readonly string[]
  /** `undefined` for a card that was not sealed under this ring, for this session. */
  openCard(stored: StoredSession): SessionCard | undefined
  /** The card of the next version, with one more note. */
  noteRenewal(stored: StoredSession, note: RenewalNote): Bytes
}

/** The sealed parts of a new session. */
export interface SealedRecord {
  readonly wraps: readonly Bytes[]
  readonly body: Bytes
  readonly card: Bytes
  readonly dataKey: KeyObject
}

/** What came of opening a session; the reason is for the log. */
export type OpenedRecord =
  | ({ readonly ok: true } & Opening)
  | { readonly ok: false; readonly reason: 'tampered' | 'unknown_key' }

/** The record of DESIGN: the body under a random data key, the data key under ring and ticket. */
export function createRecords(
  ring: KeyRing,
  binding: RecordBinding,
  random: RandomSource,
): Records {
  const { site, issuer, clientId } = binding
  const bound = (...parts: readonly string[]): Bytes =>
    encodeUtf8(JSON.stringify([site, issuer, clientId, ...parts]))

  const cards = createCards(ring, binding, random)
  const wraps = createWraps({ ring, site, bound, random })
  const lookup = createLookupKeys(ring, binding)

  function reseal(
    dataKey: KeyObject,
    id: string,
    version: number,
    contents: RecordContents,
  ): Bytes {
    return sealBytes(
      dataKey,
      encodeContents(contents),
      bound('body', id, String(version)),
      random(NONCE_BYTES),
    )
  }

  function reopen(stored: StoredSession, dataKey: KeyObject): RecordContents | undefined {
    const bytes = openBytes(dataKey, stored.body, bound('body', stored.id, String(stored.version)))
    const contents = bytes === undefined ? undefined : decodeContents(bytes)
    // The columns only find what the seal holds: a row that says otherwise was edited.
    const agrees =
      contents?.subjectKey === stored.subjectKey &&
      contents.sidKey === stored.sidKey &&
      contents.createdAt === stored.createdAt
    return agrees ? contents : undefined
  }

  return {
    seal: (ticket, contents, card) => {
      const dataKey = random(KEY_BYTES)
      const key = createSecretKey(dataKey)
      return {
        wraps: [wraps.seal(dataKey, ticket)],
        body: reseal(key, ticket.id, 1, contents),
        card: cards.seal(ticket.id, card),
        dataKey: key,
      }
    },
    reseal,
    reopen,
    open: (stored, ticket) => {
      const opened = wraps.open(stored.wraps, ticket)
      if (!opened.ok) return opened
      const contents = reopen(stored, opened.dataKey)
      return contents === undefined ? { ok: false, reason: 'tampered' } : { ...opened, contents }
    },
    move: ({ stored, contents, freshWrap }) => {
      const moved = wraps.move(stored.wraps, freshWrap)
      if (moved === undefined) return stored
      return { ...stored, wraps: moved, card: cards.move(stored), ...lookup.move(stored, contents) }
    },
    lookupKey: lookup.current,
    lookupKeys: lookup.all,
    openCard: cards.open,
    noteRenewal: cards.withNote,
  }
}
