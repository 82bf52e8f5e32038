import type { Clock } from '../core/clock.ts'
import type { MaybePromise } from '../core/maybe-promise.ts'
import { andThen } from '../core/maybe-promise.ts'
import { readTarget } from '../core/path.ts'
import type { BoundTokens } from './bound-token.ts'

/** For what a link is good. */
export interface LinkOptions {
  /** Default: 60, at most 3600. */
  readonly seconds?: number
  /** How many requests it stands for: media elements ask twice and more. Default: 1, at most 100. */
  readonly uses?: number
  /** Default: `GET`. */
  readonly method?: 'GET' | 'HEAD'
}

/** What came of a link. */
export type LinkVerdict = 'good' | 'refused' | 'over'

/** Signed addresses that stand in for the header that a link, an image or an EventSource cannot send. */
export interface Links {
  /** A target with a proof for one session. Throws a `RangeError` for options out of bounds and odd targets. */
  make(sessionId: string, target: string, options?: LinkOptions): string
  /** Whether a request may go on: its method and target are those of the link, in time and not too often. */
  check(
    link: string,
    request: { readonly sessionId: string; readonly method: string; readonly target: string },
  ): MaybePromise<LinkVerdict>
}

/** The parameter that a link adds to an address. */
export const LINK_PARAMETER = 'coatcheck-link'
const DEFAULT_SECONDS = 60
const MAX_SECONDS = 3600
const MAX_USES = 100

/**
 * Links of a site. They hold no token, and without the cookie of their session they are worth nothing.
 *
 * @see RFC 10017, section 6.1.3.3.2
 */
export function createLinks(options: {
  readonly tokens: BoundTokens
  readonly clock: Clock
  /** Counts over all processes: true so many times. */
  readonly claim: (key: string, expiresAt: number, max: number) => MaybePromise<boolean>
}): Links {
  const { tokens, clock, claim } = options

  return {
    make: (sessionId, target, { seconds = DEFAULT_SECONDS, uses = 1, method = 'GET' } = {}) => {
      if (!isWithin(seconds, MAX_SECONDS) || !isWithin(uses, MAX_USES)) {
        throw new RangeError(`A link lasts 1 to ${MAX_SECONDS} seconds, for 1 to ${MAX_USES} uses`)
      }
      const parts = readTarget(target)
      if (parts === undefined || parts.query.includes(LINK_PARAMETER)) {
        throw new RangeError('A link is made for a plain path with its query, without a fragment.')
      }
      const expiresAt = String(Math.ceil(clock() + seconds * 1000))
      const token = tokens.make(sessionId, method, target, expiresAt, String(uses))
      const link = `${token}.${expiresAt}.${uses}`
      return `${target}${target.includes('?') ? '&' : '?'}${LINK_PARAMETER}=${link}`
    },
    check: (link, { sessionId, method, target }) => {
      const [, token = '', expiresAt = '', uses = ''] =
        /^([\w-]{72})\.(\d{13,16})\.(\d{1,3})$/.exec(link) ?? []
      if (!tokens.check(token, sessionId, method, target, expiresAt, uses)) return 'refused'
      const until = Number(expiresAt)
      if (clock() >= until) return 'over'
      return andThen(claim(`link:${tokens.idOf(token)}`, until, Number(uses)), (isLeft) =>
        isLeft ? 'good' : 'over',
      )
    },
  }
}

function isWithin(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= max
}
