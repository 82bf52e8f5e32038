import { createSecretKey, hash, type KeyObject } from 'node:crypto'
import { type Bytes, concatBytes, decodeBase64url, encodeBase64url } from '../core/bytes.ts'
import type { RandomSource } from '../core/random.ts'
import type { KeyRing, RingKey } from '../ring/key-ring.ts'
import { openBytes, sealBytes } from '../seal/aead.ts'
import type { Ticket } from './ticket.ts'

/** Wraps a session's data key, so that only ring and ticket together open it. */
export interface Wraps {
  seal(dataKey: Uint8Array, ticket: Ticket): Bytes
  open(wraps: readonly Bytes[], ticket: Ticket): OpenedWrap
  /** The wraps with a fresh one in the place of its own that lies under a former key; `undefined` where none does. */
  move(wraps: readonly Bytes[], fresh: Bytes | undefined): readonly Bytes[] | undefined
}

/** What came of opening a wrap. */
export type OpenedWrap =
  | {
      readonly ok: true
      readonly dataKey: KeyObject
      /** The same under the current key, where it was opened under a former one: the ticket is at hand only now. */
      readonly freshWrap: Bytes | undefined
    }
  | { readonly ok: false; readonly reason: 'tampered' | 'unknown_key' }

export const NONCE_BYTES = 12
export const KEY_BYTES = 32
const RING_ID_BYTES = 6
const TAG_BYTES = 8
const HEADER_BYTES = RING_ID_BYTES + TAG_BYTES

/** Wraps: ring key id (6), tag of the secret (8), nonce (12), sealed data key (32), tag (16). */
export function createWraps(options: {
  readonly ring: KeyRing
  readonly site: string
  /** What a wrap is bound to. */
  readonly bound: (...parts: readonly string[]) => Bytes
  readonly random: RandomSource
}): Wraps {
  const { ring, site, bound, random } = options

  function wrapKey(key: RingKey, ticket: Ticket): KeyObject {
    return createSecretKey(key.mac('ticket', site, ticket.id, ticket.secret))
  }

  function seal(dataKey: Uint8Array, ticket: Ticket): Bytes {
    const key = ring.current
    const header = concatBytes(
      decodeBase64url(key.id) ?? new Uint8Array(RING_ID_BYTES),
      tagOf(ticket.secret),
    )
    const associated = concatBytes(header, bound('wrap', ticket.id))
    const sealed = sealBytes(wrapKey(key, ticket), dataKey, associated, random(NONCE_BYTES))
    return concatBytes(header, sealed)
  }

  function open(wraps: readonly Bytes[], ticket: Ticket): OpenedWrap {
    const tag = encodeBase64url(tagOf(ticket.secret))
    const own = wraps.find((wrap) => tagIn(wrap) === tag)
    if (own === undefined) return { ok: false, reason: 'tampered' }
    const key = ring.key(ringIdIn(own))
    if (key === undefined) return { ok: false, reason: 'unknown_key' }
    const associated = concatBytes(own.subarray(0, HEADER_BYTES), bound('wrap', ticket.id))
    const opened = openBytes(wrapKey(key, ticket), own.subarray(HEADER_BYTES), associated)
    if (opened?.length !== KEY_BYTES) return { ok: false, reason: 'tampered' }
    const freshWrap = ring.isFormer(key.id) ? seal(opened, ticket) : undefined
    return { ok: true, dataKey: createSecretKey(opened), freshWrap }
  }

  function move(wraps: readonly Bytes[], fresh: Bytes | undefined): readonly Bytes[] | undefined {
    // The ring may have gone on since it was made: the next request makes another.
    if (fresh === undefined || ringIdIn(fresh) !== ring.current.id) return undefined
    const place = wraps.findIndex((wrap) => tagIn(wrap) === tagIn(fresh))
    const own = wraps[place]
    // Somebody else moved it already.
    if (own === undefined || !ring.isFormer(ringIdIn(own))) return undefined
    return wraps.with(place, fresh)
  }

  return { seal, open, move }
}

function ringIdIn(wrap: Bytes): string {
  return encodeBase64url(wrap.subarray(0, RING_ID_BYTES))
}

function tagIn(wrap: Bytes): string {
  return encodeBase64url(wrap.subarray(RING_ID_BYTES, HEADER_BYTES))
}

// The secret has 256 bits: eight bytes of its hash tell nothing, and say which wrap is its own.
function tagOf(secret: Uint8Array): Uint8Array {
  return hash('sha256', secret, 'buffer').subarray(0, TAG_BYTES)
}
