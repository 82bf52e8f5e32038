import { problem } from '../core/answer.ts'
import { andThen, type MaybePromise } from '../core/maybe-promise.ts'
import type { Intent } from '../guard/judge.ts'
import { LINK_PARAMETER } from '../guard/links.ts'
import { createForward } from '../proxy/forward.ts'
import { upstreamHeaders } from '../proxy/request-headers.ts'
import { type PreparedRoute, type RouteUse, routeUse, upstreamTarget } from '../proxy/route.ts'
import type { AccessTokenResult } from '../sessions/renewal.ts'
import type { Session } from '../sessions/session.ts'
import { type ApiEvidence, createApiEvidence } from './api-evidence.ts'
import type { HandleOptions, Step } from './handle.ts'
import { createLongConnections } from './long-connection.ts'
import type { Outcome } from './outcome.ts'

/** An API call: guard, session, access token, and the upstream's request. */
export function createApiCall(
  options: HandleOptions,
  host: string,
  scheme: string,
): (route: PreparedRoute, step: Step) => MaybePromise<Outcome> {
  const lastsWith = createLongConnections(options)
  const evidenceOf = createApiEvidence(options.forms, options.links)
  return (route, step) => {
    const use = useOf(route, step)
    const refusal = refuse(route, step, use)
    if (refusal !== undefined) return refusal
    const evidence = evidenceOf(step, use)
    return andThen(options.authority.judged(evidence.intent, step.headers), (reading) => {
      if (!reading.ok) {
        if (reading.judgement === undefined) return respond('signed_out')
        const { code, rule, seen } = reading.judgement
        return { kind: 'respond', answer: problem(code, { members: { rule, seen } }) }
      }
      return andThen(evidence.check(reading.session), (refusal) => {
        if (refusal === undefined) return callAs(reading.session, route, step, use, evidence)
        options.onEvent({ type: 'guard.refused', rule: evidence.intent, seen: refusal })
        return respond(refusal)
      })
    })
  }

  function callAs(
    loaded: Session,
    route: PreparedRoute,
    step: Step,
    use: RouteUse,
    evidence: ApiEvidence,
  ): MaybePromise<Outcome> {
    return andThen(options.sessions.touch(loaded), (session) => {
      if (session === undefined) return respond('signed_out')
      return andThen(options.sessions.accessToken(session), (access) => {
        return access.ok
          ? send(access, route, step, use, evidence)
          : withoutToken(access, session, step)
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
    { intent, query }: ApiEvidence,
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
    const path = upstreamTarget(route, { ...step.target, query })
    const watch = lastsWith(session, route)
    const forward = createForward(route, answerUse(use, intent, step), step.method, path, headers, {
      setCookies,
      watch,
      isLink: intent === 'link',
    })
    return { kind: 'forward', forward }
  }
}

// A link of ours opens a WebSocket that no route lists.
function useOf(route: PreparedRoute, { target, method, headers }: Step): RouteUse {
  const isUpgrade = isWebSocket(headers.upgrade)
  const listed = routeUse(route, target.path, method, isUpgrade)
  const isLinked = isUpgrade && target.query.includes(`${LINK_PARAMETER}=`)
  return isLinked && listed === 'api' ? 'socket' : listed
}

// What a link shows in a tab of its own is a download, like a listed one; what asks for a stream is one.
function answerUse(use: RouteUse, intent: Intent, { headers }: Step): RouteUse {
  if (intent !== 'link') return use
  if (headers.accept?.includes('text/event-stream') === true) return 'events'
  return headers.fetchDest === undefined || headers.fetchDest === 'document' ? 'download' : use
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
