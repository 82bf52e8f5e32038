import { type AppAnswer, appAnswerHeaders } from './app-headers.ts'
import { downstreamHeaders } from './response-headers.ts'
import { type AppRoute, type PreparedRoute, prepareRoute, type RouteUse } from './route.ts'
import { tellsCaches } from './shared-caches.ts'

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
  /** `Set-Cookie` values of ours that the answer carries. */
  readonly setCookies: readonly string[]
  /**
   * For a connection that outlives its request: calls `onEnd` once it may go on no longer. Gives back how to stop
   * watching.
   */
  readonly watch?: (onEnd: () => void) => () => void
  /** What of the upstream's headers reaches the browser, and ours. */
  readonly answerHeaders: (received: readonly string[]) => string[]
}

/** What an upstream call brings along besides its request. */
export type ForwardExtras = Pick<Forward, 'setCookies' | 'watch'> & {
  /** Its address stands for a right: no answer may hand it on as a referrer. */
  readonly isLink: boolean
}

/** Whether a connection of this use outlives its request. */
function isEndless(use: RouteUse): boolean {
  return use === 'events' || use === 'socket'
}

/** Puts an upstream call together. */
export function createForward(
  route: PreparedRoute,
  use: RouteUse,
  method: string,
  path: string,
  headers: readonly string[],
  { setCookies, watch, isLink }: ForwardExtras,
): Forward {
  const endless = isEndless(use)
  return {
    origin: route.upstreamOrigin,
    path,
    method,
    headers,
    use,
    maxRequestBytes: route.maxRequestBytes,
    headersTimeoutMs: route.headersTimeoutMs,
    bodyTimeoutMs: endless ? 0 : route.bodyTimeoutMs,
    setCookies,
    ...(watch === undefined || !endless ? {} : { watch }),
    answerHeaders: (received) => {
      const answer = withCookies(downstreamHeaders(received, use), setCookies)
      return isLink ? withoutReferrer(answer) : answer
    },
  }
}

/** Puts the request for an app's own page together: no token goes along. */
export function createPageForward(
  app: PreparedRoute,
  method: string,
  path: string,
  headers: readonly string[],
  answer: AppAnswer,
  setCookies: readonly string[],
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
    setCookies,
    answerHeaders: (received) => withCookies(appAnswerHeaders(received, answer), setCookies),
  }
}

function withoutReferrer(headers: readonly string[]): string[] {
  const kept: string[] = []
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = headers[index] ?? ''
    if (name.toLowerCase() !== 'referrer-policy') kept.push(name, headers[index + 1] ?? '')
  }
  return [...kept, 'referrer-policy', 'no-referrer']
}

// No cache may keep what sets a session.
function withCookies(headers: string[], setCookies: readonly string[]): string[] {
  if (setCookies.length === 0) return headers
  const set = ['cache-control', 'no-store', ...setCookies.flatMap((each) => ['set-cookie', each])]
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = headers[index] ?? ''
    if (!tellsCaches(name)) set.push(name, headers[index + 1] ?? '')
  }
  return set
}

/** Makes an app's route ready: everything that is not ours or an API's. */
export function prepareApp(app: AppRoute): PreparedRoute {
  return prepareRoute({ path: '/', upstream: app.upstream })
}
