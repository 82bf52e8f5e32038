import { type AppAnswer, appAnswerHeaders } from './app-headers.ts'
import { downstreamHeaders } from './response-headers.ts'
import { type AppRoute, type PreparedRoute, prepareRoute, type RouteUse } from './route.ts'

/** An upstream call, decided and ready to be sent. Its body never enters the decision. */
export interface Forward {
  readonly origin: string
  readonly path: string
  readonly method: string
  /** Name, value, name, value, ...: with the access token. Never logged. */
  readonly headers: readonly string[]
  /** `page`: an app's own page, without token. */
  readonly use: RouteUse | 'page'
  readonly maxRequestBytes: number
  readonly headersTimeoutMs: number
  /** Zero: no limit. */
  readonly bodyTimeoutMs: number
  /** What of the upstream's headers reaches the browser. */
  readonly answerHeaders: (received: readonly string[]) => string[]
}

/** Puts an upstream call together. */
export function createForward(
  route: PreparedRoute,
  use: RouteUse,
  method: string,
  path: string,
  headers: readonly string[],
): Forward {
  const endless = use === 'events' || use === 'socket'
  return {
    origin: route.upstreamOrigin,
    path,
    method,
    headers,
    use,
    maxRequestBytes: route.maxRequestBytes,
    headersTimeoutMs: route.headersTimeoutMs,
    bodyTimeoutMs: endless ? 0 : route.bodyTimeoutMs,
    answerHeaders: (received) => downstreamHeaders(received, use),
  }
}

/** Puts the request for an app's own page together: no token goes along. */
export function createPageForward(
  app: PreparedRoute,
  method: string,
  path: string,
  headers: readonly string[],
  answer: AppAnswer,
): Forward {
  return {
    origin: app.upstreamOrigin,
    path,
    method,
    headers,
    use: 'page',
    maxRequestBytes: app.maxRequestBytes,
    headersTimeoutMs: app.headersTimeoutMs,
    bodyTimeoutMs: app.bodyTimeoutMs,
    answerHeaders: (received) => appAnswerHeaders(received, answer),
  }
}

/** Makes an app's route ready: everything that is not ours or an API's. */
export function prepareApp(app: AppRoute): PreparedRoute {
  return prepareRoute({ path: '/', upstream: app.upstream })
}
