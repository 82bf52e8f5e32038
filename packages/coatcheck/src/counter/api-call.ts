import { problem } from '../core/answer.ts'
import { andThen, type MaybePromise } from '../core/maybe-promise.ts'
import type { Intent } from '../guard/judge.ts'
import { createForward } from '../proxy/forward.ts'
import { upstreamHeaders } from '../proxy/request-headers.ts'
import { type PreparedRoute, type RouteUse, routeUse, upstreamTarget } from '../proxy/route.ts'
import type { AccessTokenResult } from '../sessions/renewal.ts'
import type { Session } from '../sessions/session.ts'
import type { HandleOptions, Step } from './handle.ts'
import { createLongConnections } from './long-connection.ts'
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
): (route: PreparedRoute, step: Step) => MaybePromise<Outcome> {
  const lastsWith = createLongConnections(options)
  return (route, step) => {
    const use = routeUse(route, step.target.path, step.method, isWebSocket(step.headers.upgrade))
    const refusal = refuse(route, step, use)
    if (refusal !== undefined) return refusal
    return andThen(options.authority.judged(INTENTS[use], step.headers), (reading) => {
      if (reading.ok) return callAs(reading.session, route, step, use)
      if (reading.judgement === undefined) return respond('signed_out')
      const { code, rule, seen } = reading.judgement
      return { kind: 'respond', answer: problem(code, { members: { rule, seen } }) }
    })
  }

  function callAs(
    loaded: Session,
    route: PreparedRoute,
    step: Step,
    use: RouteUse,
  ): MaybePromise<Outcome> {
    return andThen(options.sessions.touch(loaded), (session) => {
      if (session === undefined) return respond('signed_out')
      return andThen(options.sessions.accessToken(session), (access) => {
        return access.ok ? send(access, route, step, use) : withoutToken(access, session, step)
      })
    })
  }

  // There is no token, but somebody was here: what says so is set all the same.
  function withoutToken(
    access: AccessTokenResult & { readonly ok: false },
    session: Session,
    step: Step,
  ): Outcome {
    const retryAfterSeconds =
      access.reason === 'renewal_unavailable' ? access.retryAfterSeconds : undefined
    const setCookies = access.reason === 'signed_out' ? [] : options.sessions.setCookies(session)
    options.budget(step.headers.cookie, setCookies)
    const headers = setCookies.flatMap((each) => ['set-cookie', each])
    return { kind: 'respond', answer: problem(access.reason, { retryAfterSeconds, headers }) }
  }

  function send(
    { accessToken, session }: AccessTokenResult & { readonly ok: true },
    route: PreparedRoute,
    step: Step,
    use: RouteUse,
  ): Outcome {
    const setCookies = options.sessions.setCookies(session)
    options.budget(step.headers.cookie, setCookies)
    const headers = upstreamHeaders(step.rawHeaders, {
      accessToken,
      upstreamHost: route.upstreamHost,
      host,
      scheme,
      clientAddress: step.clientAddress,
      connection: step.headers.connection,
    })
    const path = upstreamTarget(route, step.target)
    const watch = lastsWith(session, route)
    const forward = createForward(route, use, step.method, path, headers, { setCookies, watch })
    return { kind: 'forward', forward }
  }
}

function refuse(route: PreparedRoute, step: Step, use: RouteUse): Outcome | undefined {
  if (!route.methods.has(step.method)) {
    const allow = ['allow', [...route.methods].join(', ')]
    return { kind: 'respond', answer: problem('method_refused', { headers: allow }) }
  }
  if (use === 'socket' && step.method !== 'GET') {
    return { kind: 'respond', answer: problem('method_refused', { headers: ['allow', 'GET'] }) }
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
