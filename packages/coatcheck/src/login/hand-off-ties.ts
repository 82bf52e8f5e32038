import { decodeUtf8, encodeBase64url, encodeUtf8 } from '../core/bytes.ts'
import { codeOfError } from '../core/errors.ts'
import type { RandomSource } from '../core/random.ts'
import type { KeyRing, RingKey } from '../ring/key-ring.ts'
import { openValue, sealValue } from '../seal/seal-value.ts'
import type { SessionCard } from '../sessions/card.ts'
import type { SessionList } from '../sessions/session-list.ts'
import type { EndReason, SessionStore } from '../sessions/session-store.ts'
import type { LetterContents, Letters } from './hand-off-letters.ts'
import type { HandOffPartner } from './hand-off-options.ts'
import { TRANSACTION_SECONDS } from './transaction.ts'

/** What a source calls a session of its own when it speaks of it to one partner. */
export interface HandOffNames {
  /** The same for every hand-off of this person, browser and partner. */
  readonly link: string
  /** The session itself, sealed: the partner gives it back. */
  readonly handle: string
}

/** Sessions of two sites that belong together: where one is signed out, so is the other. */
export interface HandOffTies {
  /** What a source calls a lineage of sessions, as the partner may know it. */
  namesFor(
    partner: string,
    about: { readonly subject: string; readonly lineage: string },
  ): HandOffNames
  /** Whether the source has ended what it calls so: a session that came of it must not live. */
  isEnded(link: string): Promise<boolean>
  /** Ends a session whose ties another of ours has taken over: that is no sign-out, and nobody is told. */
  inheriting<T>(sessionId: string, end: () => Promise<T>): Promise<T>
  /** A session of ours ended: tells the partners, if it was a sign-out. */
  sessionEnded(sessionId: string, reason: EndReason, card: SessionCard | undefined): void
  /** A partner says that a session there ended: ends what is tied to it. */
  partnerEnded(partner: string, told: LetterContents, list: SessionList): Promise<void>
  /** Waits until partners were told, but no longer than so many milliseconds. Default: 10,000. */
  settle(mostMs?: number): Promise<void>
}

/** What {@link createHandOffTies} needs. */
export interface HandOffTiesOptions {
  readonly origin: string
  readonly ring: KeyRing
  readonly to: readonly HandOffPartner[]
  readonly from: readonly HandOffPartner[]
  readonly letters: Letters
  readonly store: SessionStore
  readonly random: RandomSource
  readonly onEvent: (event: HandOffTieEvent) => void
  /** Waits. Default: so many milliseconds. */
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
// A sign-in that was under way when its source was signed out: at the provider silently, then with a person, and spare.
const ENDED_KEPT_MS = 2 * TRANSACTION_SECONDS * 1000 + 300_000
const TRY_AFTER_MS = [0, 1000, 5000]
const SETTLE_MS = 10_000
const LINK = /^[\w-]{43}$/
// Looking takes the mark for a moment: who finds it taken looks again, until only a real one can be left.
const LOOK_MS = 1000
const LOOK_AGAIN_MS = 25

/**
 * Ties. A source names its sessions to each partner by a keyed hash of their lineage, and by the sealed lineage itself; the
 * partner keeps both with its session. So neither side keeps a list, and each finds its own among the person's sessions.
 */
export function createHandOffTies(options: HandOffTiesOptions): HandOffTies {
  const { origin, ring, to, from, letters, store, random, onEvent, wait = pause } = options
  const underWay = new Map<Promise<void>, string>()
  const passedOn = new Set<string>()
  // Which partner's word ends a session at this moment: it is not told again.
  const causes = new Map<string, string>()

  const linkUnder = (key: RingKey, lineage: string, partner: string): string =>
    encodeBase64url(key.mac('lookup', 'hand-off', origin, lineage, partner))

  const handlePlace = (partner: string) => ({
    purpose: 'seal' as const,
    context: ['hand-off/1', 'handle', origin, partner],
  })

  async function tell(partner: HandOffPartner, contents: LetterContents): Promise<void> {
    let code = 'hand_off_unavailable'
    for (const waitMs of TRY_AFTER_MS) {
      if (waitMs > 0) await wait(waitMs)
      try {
        await letters.send(partner, 'ended', contents)
        return
      } catch (error) {
        // Also what is refused is told again: a clock or a ring may be on its way to being right.
        code = codeOfError(error)
      }
    }
    onEvent({ type: 'hand_off.sign_out_not_told', partner: partner.origin, code })
  }

  function begin(partner: HandOffPartner, contents: LetterContents): void {
    const telling = tell(partner, contents).finally(() => underWay.delete(telling))
    underWay.set(telling, partner.origin)
  }

  // Held by who looks for a second at most; held longer, it is the mark of an ending.
  async function holdMark(link: string, ms: number): Promise<number | undefined> {
    for (let waited = 0; waited <= LOOK_MS + 200; waited += LOOK_AGAIN_MS) {
      const number = await store.acquireLease(markName(link), ms)
      if (number !== undefined) return number
      await pause(LOOK_AGAIN_MS)
    }
    return undefined
  }

  async function endedAtSource(partner: string, told: LetterContents, list: SessionList) {
    const { subject = '', links: text = '' } = told
    const links = text.split(' ').filter((link) => LINK.test(link))
    // First the marks, then the look; a sign-in under way does it the other way round.
    for (const link of links) await holdMark(link, ENDED_KEPT_MS)
    await endWhere(list, subject, partner, (_, { ties }) => {
      return ties?.from?.source === partner && links.includes(ties.from.link)
    })
  }

  async function endedAtTarget(
    partner: string,
    { handle = '' }: LetterContents,
    list: SessionList,
  ) {
    const opened = openValue(ring, { ...handlePlace(partner), value: handle })
    const text = opened.ok ? decodeUtf8(opened.bytes) : undefined
    if (text === undefined) return
    // The seal vouches for the shape.
    const { subject, lineage }: { subject: string; lineage: string } = JSON.parse(text)
    await endWhere(list, subject, partner, (id, { ties }) => (ties?.lineage ?? id) === lineage)
  }

  async function endWhere(
    list: SessionList,
    subject: string,
    partner: string,
    isTied: (id: string, card: SessionCard) => boolean,
  ): Promise<void> {
    const found: string[] = []
    const isOurs = (id: string, card: SessionCard): boolean => {
      if (!isTied(id, card)) return false
      causes.set(id, partner)
      found.push(id)
      return true
    }
    try {
      await list.endWhere(subject, isOurs, 'signed_out_elsewhere')
    } finally {
      for (const id of found) causes.delete(id)
    }
  }

  return {
    namesFor: (partner, about) => ({
      link: linkUnder(ring.current, about.lineage, partner),
      handle: sealValue(ring, {
        ...handlePlace(partner),
        bytes: encodeUtf8(JSON.stringify(about)),
        random,
      }),
    }),
    isEnded: async (link) => {
      const number = await holdMark(link, LOOK_MS)
      if (number === undefined) return true
      await store.releaseLease(markName(link), number)
      return false
    },
    inheriting: async (sessionId, end) => {
      passedOn.add(sessionId)
      try {
        return await end()
      } finally {
        passedOn.delete(sessionId)
      }
    },
    sessionEnded: (sessionId, reason, card) => {
      if (card === undefined || !SIGN_OUTS.has(reason)) return
      // Whatever else ends it in that moment is a sign-out all the same.
      if (reason === 'replaced' && passedOn.has(sessionId)) return
      const { subject, ties } = card
      const cause = causes.get(sessionId)
      const lineage = ties?.lineage ?? sessionId
      for (const partner of to) {
        if (partner.origin === cause) continue
        const links = ring.keys.map((key) => linkUnder(key, lineage, partner.origin)).join(' ')
        begin(partner, { subject, links })
      }
      const source = from.find((partner) => partner.origin === ties?.from?.source)
      if (source === undefined || source.origin === cause) return
      begin(source, { handle: ties?.from?.handle ?? '' })
    },
    partnerEnded: async (partner, told, list) => {
      // Two sites may take over from each other: the letter says which of the two it is.
      if (told.links !== undefined) await endedAtSource(partner, told, list)
      if (told.handle !== undefined) await endedAtTarget(partner, told, list)
    },
    settle: async (mostMs = SETTLE_MS) => {
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, mostMs)
      })
      await Promise.race([Promise.all(underWay.keys()), late])
      clearTimeout(timer)
      for (const partner of underWay.values()) {
        onEvent({ type: 'hand_off.sign_out_not_told', partner, code: 'hand_off_unavailable' })
      }
    },
  }
}

function markName(link: string): string {
  return `hand-off-ended.${link}`
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
