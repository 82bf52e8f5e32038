import type { ErrorCode } from '../core/error-codes.ts'
import { andThen, type MaybePromise } from '../core/maybe-promise.ts'
import type { BoundTokens } from '../guard/bound-token.ts'
import type { Intent } from '../guard/judge.ts'
import { LINK_PARAMETER, type Links } from '../guard/links.ts'
import { takeFromQuery } from '../guard/query-token.ts'
import type { RouteUse } from '../proxy/route.ts'
import type { Session } from '../sessions/session.ts'
import type { Step } from './handle.ts'

/** What stands in an API call for the header that it cannot send. */
export interface ApiEvidence {
  readonly intent: Intent
  /** The query that goes upstream: without what was ours. */
  readonly query: string
  /** Whether it is good for this session; else the code of its refusal. */
  readonly check: (session: Session) => MaybePromise<ErrorCode | undefined>
}

/** The parameter that a form's action carries. */
export const FORM_PARAMETER = 'coatcheck-form'

const INTENTS: Readonly<Record<RouteUse, Intent>> = {
  api: 'api',
  download: 'download',
  events: 'events',
  socket: 'socket',
}

/** Reads from a request what it offers instead of the header: a form's token, or a link of ours. */
export function createApiEvidence(
  forms: BoundTokens,
  links: Links,
): (step: Step, use: RouteUse) => ApiEvidence {
  const good = (): undefined => undefined

  return ({ method, target, headers, rawTarget }, use) => {
    const intent = INTENTS[use]
    const { query } = target
    const isRead = method === 'GET' || method === 'HEAD'
    if (isRead) {
      const link = takeFromQuery(query, LINK_PARAMETER)
      if (link.token === undefined) return { intent, query: link.query, check: good }
      const { token } = link
      const plain = rawTarget.slice(0, target.rawPath.length) + link.query
      const check = (session: Session): MaybePromise<ErrorCode | undefined> =>
        andThen(links.check(token, { sessionId: session.id, method, target: plain }), (verdict) =>
          verdict === 'good' ? undefined : (`link_${verdict}` as const),
        )
      return { intent: use === 'socket' ? 'socket' : 'link', query: link.query, check }
    }
    const form = takeFromQuery(query, FORM_PARAMETER)
    const token = headers.formToken ?? form.token
    // Whoever can send the header needs no token.
    if (token === undefined || headers.coatcheck !== undefined) {
      return { intent, query: form.query, check: good }
    }
    const check = (session: Session): ErrorCode | undefined =>
      forms.check(token, session.id) ? undefined : 'form_token_refused'
    return { intent: 'form', query: form.query, check }
  }
}
