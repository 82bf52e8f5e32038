import { type Bytes, decodeUtf8, encodeUtf8 } from '../core/bytes.ts'
import type { RandomSource } from '../core/random.ts'
import type { KeyRing } from '../ring/key-ring.ts'
import { openValue, sealValue } from '../seal/seal-value.ts'
import type { StoredSession } from './session-store.ts'
import type { SessionTies } from './session-ties.ts'

/** One try to renew a session's tokens. */
export interface RenewalNote {
  /** Milliseconds since 1970. */
  readonly at: number
  /** Which process tried. */
  readonly by: string
  /** `given_up`: a refresh token that another process had sent, and nobody knows whether it was spent. */
  readonly outcome: 'renewed' | 'refused' | 'not_spent' | 'lost' | 'given_up'
  /** What the provider did, in our words: `invalid_grant`, `status_503`, `no_answer`, ... */
  readonly why?: string
}

/** What operators can read of a session without its ticket: who and when, no token. */
export interface SessionCard {
  readonly subject: string
  /** Milliseconds since 1970. */
  readonly createdAt: number
  readonly userAgent?: string
  readonly address?: string
  /** What ties the session to those of other sites. */
  readonly ties?: SessionTies
  /** The last ten, oldest first. */
  readonly renewals: readonly RenewalNote[]
}

const MAX_RENEWALS = 10

/** Seals and opens cards under the ring. */
export interface Cards {
  seal(id: string, card: SessionCard): Bytes
  /** `undefined` for a card that was not sealed under this ring, for this session. */
  open(stored: StoredSession): SessionCard | undefined
  /** The card with one more note; as it is when it cannot be read. */
  withNote(stored: StoredSession, note: RenewalNote): Bytes
  /** The same card under the current key; as it is when it cannot be read. */
  move(stored: StoredSession): Bytes
}

/** Cards of one site, issuer and client. */
export function createCards(
  ring: KeyRing,
  binding: { readonly site: string; readonly issuer: string; readonly clientId: string },
  random: RandomSource,
): Cards {
  const { site, issuer, clientId } = binding
  const placeOf = (id: string) =>
    ({ purpose: 'card', context: [site, issuer, clientId, id] }) as const

  function seal(id: string, card: SessionCard): Bytes {
    const bytes = encodeUtf8(JSON.stringify(card))
    return encodeUtf8(sealValue(ring, { ...placeOf(id), bytes, random }))
  }

  function open(stored: StoredSession): SessionCard | undefined {
    const value = decodeUtf8(stored.card) ?? ''
    const opened = openValue(ring, { ...placeOf(stored.id), value })
    const text = opened.ok ? decodeUtf8(opened.bytes) : undefined
    // Cards of earlier releases have no renewals.
    return text === undefined ? undefined : { renewals: [], ...JSON.parse(text) }
  }

  return {
    seal,
    open,
    withNote: (stored, note) => {
      const card = open(stored)
      if (card === undefined) return stored.card
      const renewals = [...card.renewals, note].slice(-MAX_RENEWALS)
      return seal(stored.id, { ...card, renewals })
    },
    move: (stored) => {
      const card = open(stored)
      return card === undefined ? stored.card : seal(stored.id, card)
    },
  }
}
