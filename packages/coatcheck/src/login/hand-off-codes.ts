import { createSecretKey, hash, type KeyObject, timingSafeEqual } from 'node:crypto'
import { type Bytes, concatBytes, decodeUtf8, encodeBase64url, encodeUtf8 } from '../core/bytes.ts'
import type { Clock } from '../core/clock.ts'
import type { RandomSource } from '../core/random.ts'
import type { KeyRing, RingKey } from '../ring/key-ring.ts'
import { openBytes, sealBytes } from '../seal/aead.ts'
import type { SessionStore } from '../sessions/session-store.ts'
import { createTicket, parseTicket, type Ticket } from '../sessions/ticket.ts'

/** What a code stands for. Neither a token nor a ticket is in it. */
export interface CodeContents {
  /** The only site that may redeem it. */
  readonly target: string
  /** PKCE's challenge: whose browser asked. */
  readonly challenge: string
  readonly sessionId: string
  readonly link: string
  readonly issuer: string
  readonly subject: string
  /** What tells the provider who is meant, where the claims say it. */
  readonly hint?: string
  /** When the session ends in any case; milliseconds since 1970. */
  readonly until: number
}

/** What came of a code; the reason is for the log. */
export type CodeReading =
  | { readonly ok: true; readonly contents: CodeContents }
  | {
      readonly ok: false
      readonly reason: 'malformed' | 'unknown' | 'tampered' | 'wrong_target' | 'wrong_browser'
    }

/** One-time codes that hand a signed-in person over. */
export interface HandOffCodes {
  make(contents: CodeContents): Promise<string>
  /** Uses the code up, whatever comes of it. */
  redeem(
    code: string,
    by: { readonly target: string; readonly verifier: string },
  ): Promise<CodeReading>
}

/** How long a code is good for. */
export const CODE_SECONDS = 30

const NONCE_BYTES = 12
const KEY_ID_CHARACTERS = 8

/**
 * Codes of an id and a secret: the id finds, the secret opens what it finds, so that neither the store nor the ring
 * alone gives anything away.
 *
 * @see RFC 6749, section 4.1.2; RFC 7636
 */
export function createHandOffCodes(options: {
  readonly ring: KeyRing
  readonly site: string
  readonly store: SessionStore
  readonly clock: Clock
  readonly random: RandomSource
}): HandOffCodes {
  const { ring, site, store, clock, random } = options

  function keyOf(key: RingKey, { id, secret }: Ticket): KeyObject {
    return createSecretKey(key.mac('seal', 'hand-off', site, id, secret))
  }

  function openBlob(blob: Bytes, ticket: Ticket): CodeContents | undefined {
    const id = decodeUtf8(blob.subarray(0, KEY_ID_CHARACTERS)) ?? ''
    const key = ring.key(id)
    if (key === undefined) return undefined
    const opened = openBytes(keyOf(key, ticket), blob.subarray(KEY_ID_CHARACTERS), boundTo(ticket))
    const text = opened && decodeUtf8(opened)
    return text === undefined ? undefined : JSON.parse(text)
  }

  return {
    make: async (contents) => {
      const { value, ...ticket } = createTicket(random)
      const key = ring.current
      const sealed = sealBytes(
        keyOf(key, ticket),
        encodeUtf8(JSON.stringify(contents)),
        boundTo(ticket),
        random(NONCE_BYTES),
      )
      const blob = concatBytes(encodeUtf8(key.id), sealed)
      await store.putBlob(nameOf(ticket), blob, clock() + CODE_SECONDS * 1000)
      return value
    },
    redeem: async (code, { target, verifier }) => {
      const ticket = parseTicket(code)
      if (ticket === undefined) return { ok: false, reason: 'malformed' }
      const blob = await store.takeBlob(nameOf(ticket))
      if (blob === undefined) return { ok: false, reason: 'unknown' }
      const contents = openBlob(blob, ticket)
      if (contents === undefined) return { ok: false, reason: 'tampered' }
      if (contents.target !== target) return { ok: false, reason: 'wrong_target' }
      if (!isSame(contents.challenge, challengeOf(verifier))) {
        return { ok: false, reason: 'wrong_browser' }
      }
      return { ok: true, contents }
    },
  }
}

/**
 * PKCE's `S256`.
 *
 * @see RFC 7636, section 4.2
 */
export function challengeOf(verifier: string): string {
  return hash('sha256', verifier, 'base64url')
}

function nameOf({ id }: Ticket): string {
  return `hand-off:${id}`
}

function boundTo({ id }: Ticket): Bytes {
  return encodeUtf8(`hand-off/1 ${id}`)
}

function isSame(one: string, other: string): boolean {
  const [a, b] = [encodeUtf8(one), encodeUtf8(other)]
  return a.length === b.length && timingSafeEqual(a, b)
}

/** A name for two sessions that belong together: the same each time that this one is handed to this site. */
export function linkOf(ring: KeyRing, site: string, sessionId: string, target: string): string {
  return encodeBase64url(ring.current.mac('lookup', 'hand-off', site, sessionId, target))
}
