import { decodeUtf8, encodeUtf8 } from '../core/bytes.ts'
import type { Clock } from '../core/clock.ts'
import type { RandomSource } from '../core/random.ts'
import { constantTimeEqual } from '../ring/constant-time.ts'
import type { KeyRing } from '../ring/key-ring.ts'
import { sha256Base64url } from '../ring/sha256.ts'
import { openWithSecret, sealWithSecret } from '../seal/secret-seal.ts'
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
  readonly handle: string
  readonly issuer: string
  readonly subject: string
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

  const bindingOf = ({ id, secret }: Ticket) => ({ context: ['hand-off/1', site, id], secret })

  return {
    make: async (contents) => {
      const { value, ...ticket } = createTicket(random)
      const bytes = encodeUtf8(JSON.stringify(contents))
      const blob = sealWithSecret(ring, bindingOf(ticket), bytes, random)
      await store.putBlob(nameOf(ticket), blob, clock() + CODE_SECONDS * 1000)
      return value
    },
    redeem: async (code, { target, verifier }) => {
      const ticket = parseTicket(code)
      if (ticket === undefined) return { ok: false, reason: 'malformed' }
      const blob = await store.takeBlob(nameOf(ticket))
      if (blob === undefined) return { ok: false, reason: 'unknown' }
      const opened = openWithSecret(ring, bindingOf(ticket), blob)
      const text = opened === undefined ? undefined : decodeUtf8(opened)
      if (text === undefined) return { ok: false, reason: 'tampered' }
      // The seal vouches for the shape.
      const contents: CodeContents = JSON.parse(text)
      if (contents.target !== target) return { ok: false, reason: 'wrong_target' }
      const shown = encodeUtf8(sha256Base64url(verifier))
      if (!constantTimeEqual(encodeUtf8(contents.challenge), shown)) {
        return { ok: false, reason: 'wrong_browser' }
      }
      return { ok: true, contents }
    },
  }
}

function nameOf({ id }: Ticket): string {
  return `hand-off:${id}`
}
