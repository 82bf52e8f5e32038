import { decodeUtf8, encodeUtf8 } from '../core/bytes.ts'
import type { Clock } from '../core/clock.ts'
import { CoatcheckError } from '../core/errors.ts'
import type { EndReason, SessionStore } from '../sessions/session-store.ts'
import type { Letters } from './hand-off-letters.ts'
import type { HandOffPartner } from './hand-off-options.ts'

/** Sessions of two sites that belong together: where one is signed out, so is the other. */
export interface HandOffTies {
  /**
   * Ties a session of ours to its counterpart, as long as ours may last. False when the other one was signed out in the
   * meantime: then ours must not live.
   */
  tie(sessionId: string, partner: string, link: string, until: number): Promise<boolean>
  /** The same person signed in once more: what was tied to the former session is tied to the new one. */
  move(formerId: string, sessionId: string, until: number): Promise<void>
  /** A session of ours ended: tells the partners, if it was a sign-out and there are any. */
  sessionEnded(sessionId: string, reason: EndReason): void
  /** A partner says that its session ended: which of ours was tied to it. */
  partnerEnded(partner: string, link: string): Promise<string | undefined>
  /** Waits until partners were told. */
  settle(): Promise<void>
}

/** What {@link createHandOffTies} needs. */
export interface HandOffTiesOptions {
  readonly partners: readonly HandOffPartner[]
  readonly letters: Letters
  readonly store: SessionStore
  readonly clock: Clock
  readonly onEvent: (event: HandOffTieEvent) => void
  /** Waits between two tries. Default: so many milliseconds. */
  readonly wait?: (ms: number) => Promise<void>
}

/** A partner that could not be told of a sign-out: its session lives on until it ends by itself. */
export interface HandOffTieEvent {
  readonly type: 'hand_off.sign_out_not_told'
  readonly partner: string
  readonly code: string
}

// Whoever leaves a session alone until it is over signs out nowhere else.
const SIGN_OUTS: ReadonlySet<EndReason> = new Set([
  'signed_out',
  'replaced',
  'ended_by_user',
  'ended_by_operator',
  'provider_signed_out',
  'signed_out_elsewhere',
])
// A sign-in that was under way when its source was signed out may take so long.
const ENDED_KEPT_MS = 900_000
const TRY_AFTER_MS = [0, 1000, 5000]

/** Ties, kept in the store as long as the session may last. */
export function createHandOffTies(options: HandOffTiesOptions): HandOffTies {
  const { partners, letters, store, clock, onEvent, wait = pause } = options
  const underWay = new Set<Promise<void>>()

  async function take(name: string): Promise<string | undefined> {
    const bytes = await store.takeBlob(name)
    return bytes === undefined ? undefined : decodeUtf8(bytes)
  }

  async function tie(sessionId: string, partner: string, link: string, until: number) {
    await store.putBlob(tieName(sessionId, partner), encodeUtf8(link), until)
    await store.putBlob(tiedName(partner, link), encodeUtf8(sessionId), until)
    // Both sides write before they look: of two at once, one sees the other.
    return (await store.takeBlob(endedName(partner, link))) === undefined
  }

  async function tellAll(sessionId: string): Promise<void> {
    for (const partner of partners) {
      const link = await take(tieName(sessionId, partner.origin))
      if (link === undefined) continue
      await store.takeBlob(tiedName(partner.origin, link))
      await tell(partner, link)
    }
  }

  async function tell(partner: HandOffPartner, link: string): Promise<void> {
    let code = 'hand_off_unavailable'
    for (const waitMs of TRY_AFTER_MS) {
      if (waitMs > 0) await wait(waitMs)
      try {
        await letters.send(partner, 'ended', { link })
        return
      } catch (error) {
        code = error instanceof CoatcheckError ? error.code : 'internal_error'
        if (code !== 'hand_off_unavailable') break
      }
    }
    onEvent({ type: 'hand_off.sign_out_not_told', partner: partner.origin, code })
  }

  async function move(formerId: string, sessionId: string, until: number): Promise<void> {
    for (const { origin } of partners) {
      const link = await take(tieName(formerId, origin))
      if (link !== undefined) await tie(sessionId, origin, link, until)
    }
  }

  return {
    tie,
    move,
    sessionEnded: (sessionId, reason) => {
      if (!SIGN_OUTS.has(reason)) return
      const telling = tellAll(sessionId)
        .catch(() => {
          const code = 'store_unavailable'
          for (const { origin } of partners) {
            onEvent({ type: 'hand_off.sign_out_not_told', partner: origin, code })
          }
        })
        .finally(() => underWay.delete(telling))
      underWay.add(telling)
    },
    partnerEnded: async (partner, link) => {
      const marker = endedName(partner, link)
      await store.putBlob(marker, encodeUtf8('1'), clock() + ENDED_KEPT_MS)
      const sessionId = await take(tiedName(partner, link))
      // The partner knows: it is not told again.
      if (sessionId !== undefined) {
        await store.takeBlob(tieName(sessionId, partner))
        await store.takeBlob(marker)
      }
      return sessionId
    },
    settle: async () => {
      await Promise.all(underWay)
    },
  }
}

function tieName(sessionId: string, partner: string): string {
  return `tie:${sessionId}:${partner}`
}

function tiedName(partner: string, link: string): string {
  return `tied:${partner}:${link}`
}

function endedName(partner: string, link: string): string {
  return `tie-ended:${partner}:${link}`
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref()
  })
}
