import type { Fetch } from '../provider/bounded-fetch.ts'
import type { KeyRing } from '../ring/key-ring.ts'

/** Another site of ours, on a domain of its own, and what both have to themselves. */
export interface HandOffPartner {
  /** Its origin, exactly: `https://shop.example`. */
  readonly origin: string
  /** A ring that these two sites share, and nobody else: what one server tells the other is sealed under it. */
  readonly ring: KeyRing
}

/** Signing in at one site and being signed in at another of another domain. */
export interface HandOffOptions {
  /** Sites that may take over whoever is signed in here. Default: none. */
  readonly to?: readonly HandOffPartner[]
  /** Sites whose signed-in people we take over. Default: none. */
  readonly from?: readonly HandOffPartner[]
  /** Calls the other server. Default: the platform's. */
  readonly fetch?: Fetch
}

/** How a sign-in came about that another site handed over. */
export interface HandOffNote {
  /** Who handed it over. */
  readonly source: string
  /** Who must come out of the sign-in: nobody else may. */
  readonly subject: string
  /** What the source calls these two sessions, and takes back when ours ends. */
  readonly link: string
  readonly handle: string
  /** The provider was asked not to show anything. */
  readonly silent?: true
}

/** What is wrong with the options, a line each. */
export function handOffFaults(
  { origin, ring }: { readonly origin: string; readonly ring: KeyRing },
  { to = [], from = [] }: HandOffOptions,
  keepsTickets: boolean,
): readonly string[] {
  const faults: string[] = []
  const others = [{ origin, ring }, ...to, ...from]
  if (!keepsTickets) {
    faults.push(
      'handOff needs sessions.kind: ticket: a session that lies in a cookie cannot be ended by the other site',
    )
  }
  for (const [direction, partners] of Object.entries({ to, from })) {
    const seen = new Set<string>()
    for (const [index, partner] of partners.entries()) {
      const at = `handOff.${direction}[${index}].origin (${partner.origin})`
      const isOrigin =
        URL.canParse(partner.origin) && new URL(partner.origin).origin === partner.origin
      if (!isOrigin || !/^https?:/.test(partner.origin) || partner.origin.includes('*')) {
        faults.push(
          `${at} must be scheme, host and perhaps port, nothing else: https://shop.example`,
        )
      } else if (partner.origin.startsWith('http:') && origin.startsWith('https:')) {
        faults.push(`${at} must be https: a code would go there in the clear`)
      }
      if (partner.origin === origin) faults.push(`${at} is this site itself: remove it`)
      if (seen.has(partner.origin)) faults.push(`${at} stands twice: remove one`)
      seen.add(partner.origin)
      // A site that shares it could write letters in the name of this one.
      const sharing = others.find(
        (other) => other.origin !== partner.origin && haveKeyInCommon(other.ring, partner.ring),
      )
      if (sharing !== undefined) {
        faults.push(
          `${at} has a ring in common with ${sharing.origin}: each two sites need one of their own`,
        )
      }
      const other = direction === 'to' ? from : to
      if (other.some(({ origin, ring }) => origin === partner.origin && ring !== partner.ring)) {
        faults.push(`${at} stands in to and in from with different rings: two sites share one`)
      }
    }
  }
  return faults
}

function haveKeyInCommon(one: KeyRing, other: KeyRing): boolean {
  return one.keys.some(({ id }) => other.key(id) !== undefined)
}
