import { problem } from '../core/answer.ts'
import type { Intent } from '../guard/judge.ts'
import { createForward } from '../proxy/forward.ts'
import { upstreamHeaders } from '../proxy/request-headers.ts'
import { type PreparedRoute, type RouteUse, routeUse, upstreamTarget } from '../proxy/route.ts'
import type { HandleOptions, Step } from './handle.ts'
import type { Outcome } from './outcome.ts'

const INTENTS: Readonly<Record<RouteUse, Intent>> = {
  api: 'api',
  download: 'download',
  events: 'events',
  socket: 'socket',
}

/** An API call: guard, session, access token, and the upstream's request. */
export function createApiCall(
  options: HandleOptions,
  host: string,
  scheme: string,
): (route: PreparedRoute, step: Step) => Promise<Outcome> {
  return async (route, step) => {
    const { method, headers, target } = step
    const use = routeUse(route, target.path, method, isWebSocket(headers.upgrade))
    const refusal = refuse(route, step, use)
    if (refusal !== undefined) return refusal
    const reading = await options.authority.judged(INTENTS[use], headers)
    if (!reading.ok) {
      if (reading.judgement === undefined) return respond('signed_out')
      const { code, rule, seen } = reading.judgement
      return { kind: 'respond', answer: problem(code, { members: { rule, seen } }) }
    }
    const session = await options.sessions.touch(reading.session)
    if (session === undefined) return respond('signed_out')
    const access = await options.sessions.accessToken(session)
    if (!access.ok) {
      const retryAfterSeconds =
        access.reason === 'renewal_unavailable' ? access.retryAfterSeconds : undefined
      return { kind: 'respond', answer: problem(access.reason, { retryAfterSeconds }) }
    }
    const sent = upstreamHeaders(step.rawHeaders, {
      accessToken: access.accessToken,
      upstreamHost: route.upstreamHost,
      host,
      scheme,
      clientAddress: step.clientAddress,
      connection: step.headers.connection,
    })
    const forward = createForward(route, use, method, upstreamTarget(route, target), sent)
    return { kind: 'forward', forward }
  }
}

function refuse(route: PreparedRoute, step: Step, use: RouteUse): Outcome | undefined {
  if (!route.methods.has(step.method)) {
    const allow = ['allow', [...route.methods].join(', ')]
    return { kind: 'respond', answer: problem('method_refused', { headers: allow }) }
  }
  if (use !== 'socket' && step.headers.upgrade !== undefined && isWebSocket(step.headers.upgrade)) {
    return respond('route_unknown')
  }
  const { contentLength } = step.headers
  if (contentLength === undefined) return undefined
  if (!/^\d{1,15}$/.test(contentLength)) return respond('path_refused')
  return Number(contentLength) > route.maxRequestBytes ? respond('request_too_large') : undefined
}

function isWebSocket(upgrade: string | undefined): boolean {
  return upgrade !== undefined && upgrade.toLowerCase() === 'websocket'
}

function respond(code: Parameters<typeof problem>[0]): Outcome {
  return { kind: 'respond', answer: problem(code) }
}
