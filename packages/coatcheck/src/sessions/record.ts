import { createSecretKey, hash, type KeyObject } from 'node:crypto'
import {
  type Bytes,
  concatBytes,
  decodeBase64url,
  encodeBase64url,
  encodeUtf8,
} from '../core/bytes.ts'
import type { RandomSource } from '../core/random.ts'
import type { KeyRing, RingKey } from '../ring/key-ring.ts'
import { openBytes, sealBytes } from '../seal/aead.ts'
import { createCards, type RenewalNote, type SessionCard } from './card.ts'
import { decodeContents, encodeContents, type SessionContents } from './contents.ts'
import type { StoredSession } from './session-store.ts'
import type { Ticket } from './ticket.ts'

/** Where sessions belong: bound into every seal, so that none opens at another site or provider. */
export interface RecordBinding {
  readonly site: string
  readonly issuer: string
  readonly clientId: string
}

/** Seals and opens sessions. */
export interface Records {
  /** A new session's bytes, under a new data key that only ring and ticket together open. */
  seal(ticket: Ticket, contents: SessionContents, card: SessionCard): SealedRecord
  /** The bytes of the next version, under the same data key. */
  reseal(dataKey: KeyObject, id: string, version: number, contents: SessionContents): Bytes
  open(stored: StoredSession, ticket: Ticket): OpenedRecord
  /** Opens another version of a session that is open already. */
  reopen(stored: StoredSession, dataKey: KeyObject): SessionContents | undefined
  /** The key under which new sessions are found. */
  lookupKey(kind: 'sub' | 'sid', value: string): string
  /** All keys under which sessions may be found: one for each key of the ring. */
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
  | { readonly ok: true; readonly contents: SessionContents; readonly dataKey: KeyObject }
  | { readonly ok: false; readonly reason: 'tampered' | 'unknown_key' }

const NONCE_BYTES = 12
const KEY_BYTES = 32
const RING_ID_BYTES = 6
const TAG_BYTES = 8
const WRAP_HEADER_BYTES = RING_ID_BYTES + TAG_BYTES

/**
 * The record of DESIGN: the body under a random data key, the data key under ring and ticket. A wrap is
 * ring key id (6), tag of the secret (8), nonce (12), sealed data key (32), tag (16).
 */
export function createRecords(
  ring: KeyRing,
  binding: RecordBinding,
  random: RandomSource,
): Records {
  const { site, issuer, clientId } = binding
  const bound = (...parts: readonly string[]): Bytes =>
    encodeUtf8(JSON.stringify([site, issuer, clientId, ...parts]))

  const cards = createCards(ring, binding, random)

  const lookupKeyOf = (key: RingKey, kind: string, value: string): string =>
    encodeBase64url(key.mac('lookup', site, issuer, kind, value))

  function wrapKey(key: RingKey, ticket: Ticket): KeyObject {
    return createSecretKey(key.mac('ticket', site, ticket.id, ticket.secret))
  }

  function wrap(dataKey: Uint8Array, ticket: Ticket): Bytes {
    const key = ring.current
    const header = concatBytes(
      decodeBase64url(key.id) ?? new Uint8Array(RING_ID_BYTES),
      tagOf(ticket.secret),
    )
    const associated = concatBytes(header, bound('wrap', ticket.id))
    return concatBytes(
      header,
      sealBytes(wrapKey(key, ticket), dataKey, associated, random(NONCE_BYTES)),
    )
  }

  function unwrap(stored: StoredSession, ticket: Ticket): KeyObject | 'tampered' | 'unknown_key' {
    const tag = encodeBase64url(tagOf(ticket.secret))
    for (const candidate of stored.wraps) {
      if (encodeBase64url(candidate.subarray(RING_ID_BYTES, WRAP_HEADER_BYTES)) !== tag) continue
      const key = ring.key(encodeBase64url(candidate.subarray(0, RING_ID_BYTES)))
      if (key === undefined) return 'unknown_key'
      const associated = concatBytes(
        candidate.subarray(0, WRAP_HEADER_BYTES),
        bound('wrap', ticket.id),
      )
      const opened = openBytes(
        wrapKey(key, ticket),
        candidate.subarray(WRAP_HEADER_BYTES),
        associated,
      )
      return opened?.length === KEY_BYTES ? createSecretKey(opened) : 'tampered'
    }
    return 'tampered'
  }

  function reseal(
    dataKey: KeyObject,
    id: string,
    version: number,
    contents: SessionContents,
  ): Bytes {
    return sealBytes(
      dataKey,
      encodeContents(contents),
      bound('body', id, String(version)),
      random(NONCE_BYTES),
    )
  }

  function reopen(stored: StoredSession, dataKey: KeyObject): SessionContents | undefined {
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
        wraps: [wrap(dataKey, ticket)],
        body: reseal(key, ticket.id, 1, contents),
        card: cards.seal(ticket.id, card),
        dataKey: key,
      }
    },
    reseal,
    reopen,
    open: (stored, ticket) => {
      const dataKey = unwrap(stored, ticket)
      if (dataKey === 'tampered' || dataKey === 'unknown_key') return { ok: false, reason: dataKey }
      const contents = reopen(stored, dataKey)
      return contents === undefined
        ? { ok: false, reason: 'tampered' }
        : { ok: true, contents, dataKey }
    },
    lookupKey: (kind, value) => lookupKeyOf(ring.current, kind, value),
    lookupKeys: (kind, value) => ring.keys.map((key) => lookupKeyOf(key, kind, value)),
    openCard: cards.open,
    noteRenewal: cards.withNote,
  }
}

// The secret has 256 bits: eight bytes of its hash tell nothing, and say which wrap is its own.
function tagOf(secret: Uint8Array): Uint8Array {
  return hash('sha256', secret, 'buffer').subarray(0, TAG_BYTES)
}
