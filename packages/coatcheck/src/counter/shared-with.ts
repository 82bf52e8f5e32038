import type { Answer } from '../core/answer.ts'
import type { DecidingHeaders } from '../core/request-head.ts'
import { type Cors, createCors } from '../guard/cors.ts'
import type { PreparedRoute } from '../proxy/route.ts'
import type { CounterOptions } from './options.ts'
import type { Outcome } from './outcome.ts'

/** What pages of other origins may read. */
export interface SharedWith {
  /** The answer to a preflight for an API or one of our own addresses; `undefined` for anything else. */
  preflight(
    method: string,
    headers: DecidingHeaders,
    route: PreparedRoute | undefined,
  ): Answer | undefined
  /** The outcome with what it says of who may read it. */
  mark(outcome: Outcome, headers: DecidingHeaders): Outcome
}

const OWN_METHODS: readonly string[] = ['GET', 'HEAD', 'POST']

/** `undefined` where nobody else is let in. */
export function createSharedWith({
  allowedOrigins = [],
  cors,
}: CounterOptions): SharedWith | undefined {
  if (allowedOrigins.length === 0) return undefined
  const rules: Cors = createCors(allowedOrigins, cors)
  return {
    preflight: (method, headers, route) =>
      rules.preflight(method, headers, route?.methods ?? OWN_METHODS),
    mark: (outcome, headers) => withHeaders(outcome, rules.headersFor(headers)),
  }
}

function withHeaders(outcome: Outcome, extra: readonly string[]): Outcome {
  if (outcome.kind === 'pass') return outcome
  if (outcome.kind === 'forward') {
    const { forward } = outcome
    const answerHeaders = (received: readonly string[]): string[] => [
      ...forward.answerHeaders(received),
      ...extra,
    ]
    return { kind: 'forward', forward: { ...forward, answerHeaders } }
  }
  const answer = { ...outcome.answer, headers: [...outcome.answer.headers, ...extra] }
  return { ...outcome, answer }
}
