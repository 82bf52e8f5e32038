import { isLoopbackHost } from '../cookies/names.ts'
import { type Answer, PRIVATE_HEADERS, problem } from '../core/answer.ts'
import type { Clock } from '../core/clock.ts'
import { CoatcheckError } from '../core/errors.ts'
import { andThen, type MaybePromise } from '../core/maybe-promise.ts'
import { createPageMatcher, readTarget, type TargetParts } from '../core/path.ts'
import {
  type DecidingHeaders,
  type RequestHead,
  readDecidingHeaders,
} from '../core/request-head.ts'
import type { BoundTokens } from '../guard/bound-token.ts'
import { hopPage, mayLackStrictCookies, readHop } from '../guard/hop.ts'
import type { Links } from '../guard/links.ts'
import type { HandOff } from '../login/hand-off.ts'
import type { Login } from '../login/login.ts'
import { signInPage } from '../login/pages.ts'
import type { Provider } from '../provider/provider.ts'
import { createPageForward } from '../proxy/forward.ts'
import { appRequestHeaders } from '../proxy/request-headers.ts'
import { type PreparedRoute, upstreamTarget } from '../proxy/route.ts'
import type { BrowserSessions } from '../sessions/browser-sessions.ts'
import type { Session } from '../sessions/session.ts'
import type { SessionStore } from '../sessions/session-store.ts'
import { createApiCall } from './api-call.ts'
import { createAuthRoutes } from './auth-routes.ts'
import type { Authority } from './authority.ts'
import type { createClientReader } from './client.ts'
import type { CookieBudget } from './cookie-budget.ts'
import type { EventStreams } from './event-stream.ts'
import type { CounterOptions } from './options.ts'
import type { Outcome } from './outcome.ts'
import { createSessionRoutes } from './session-routes.ts'
import type { SharedWith } from './shared-with.ts'

/** What {@link createHandle} needs. */
export interface HandleOptions {
  readonly origin: string
  readonly strict: boolean
  readonly protectedPages: readonly string[]
  readonly routes: readonly PreparedRoute[]
  readonly app?: PreparedRoute
  readonly ownCookies: string
  /** Whether a person may choose to stay signed in. */
  readonly offersToRemember: boolean
  readonly readClient: ReturnType<typeof createClientReader>
  readonly authority: Authority
  readonly provider: Provider
  readonly sessions: BrowserSessions
  readonly forms: BoundTokens
  readonly links: Links
  readonly sharedWith: SharedWith | undefined
  /** Looks at what answers set. */
  readonly budget: CookieBudget
  readonly store: SessionStore
  readonly login: Login
  readonly handOff: HandOff | undefined
  readonly streams: EventStreams
  /** Path to come back to after sign-out. */
  readonly afterSignOut: string
  readonly onEvent: NonNullable<CounterOptions['onEvent']>
  readonly clock: Clock
  /** Sweeps the store now and then. */
  readonly tidy: () => void
}

/** A request on its way through the steps. */
export interface Step {
  readonly method: string
  readonly target: TargetParts
  /** The target as received. */
  readonly rawTarget: string
  readonly headers: DecidingHeaders
  readonly rawHeaders: readonly string[]
  readonly clientAddress: string | undefined
}

const MAX_TARGET_CHARACTERS = 8192
const METHODS_NEVER: ReadonlySet<string> = new Set(['TRACE', 'TRACK', 'CONNECT'])

/** The path of a request through the counter: host, address, then one of three kinds of route. */
export function createHandle(options: HandleOptions): (head: RequestHead) => MaybePromise<Outcome> {
  const { host, hostname, protocol } = new URL(options.origin)
  const scheme = protocol.slice(0, -1)
  const isSecure = protocol === 'https:'
  // On loopback other servers share the host: HSTS would lock them out of http.
  const hardened = isSecure && !isLoopbackHost(hostname)
  const matchesProtected = createPageMatcher(options.protectedPages)
  const { sharedWith } = options
  const sessionRoutes = createSessionRoutes(options)
  const authRoute = createAuthRoutes(options, sessionRoutes)
  const apiCall = createApiCall(options, host, scheme)

  function decide(head: RequestHead): MaybePromise<Outcome> {
    const headers = readDecidingHeaders(head.headers)
    if (headers.host !== host && headers.host?.toLowerCase() !== host)
      return respond(problem('host_refused'))
    if (METHODS_NEVER.has(head.method)) return respond(problem('method_refused'))
    const target = head.target.length > MAX_TARGET_CHARACTERS ? undefined : readTarget(head.target)
    if (target === undefined) return respond(problem('path_refused'))
    const client = options.readClient(head, headers)
    if (isSecure && client.scheme === 'http') return respond(overHttp(head))
    const step: Step = {
      method: head.method,
      target,
      rawTarget: head.target,
      headers,
      rawHeaders: head.headers,
      clientAddress: client.address,
    }
    const route = options.routes.find((candidate) => target.rawPath.startsWith(candidate.path))
    const isOurs = route !== undefined || target.path.startsWith('/auth/')
    if (!isOurs) return page(step)
    if (sharedWith === undefined) return address(route, step)
    const preflight = sharedWith.preflight(step.method, headers, route)
    if (preflight !== undefined) return respond(preflight)
    return andThen(address(route, step), (outcome) => sharedWith.mark(outcome, headers))
  }

  // An API's or one of our own.
  function address(route: PreparedRoute | undefined, step: Step): MaybePromise<Outcome> {
    if (route !== undefined) return apiCall(route, step)
    if (step.target.path === '/auth/events' && step.method === 'GET') {
      return sessionRoutes.events(step).then(hardenOutcome)
    }
    return authRoute(step).then((answer) => {
      options.budget(step.headers.cookie, setCookiesOf(answer))
      return respond(answer)
    })
  }

  // The cookie never travels over http: whoever comes that way is led to https, or told.
  function overHttp({ method, target }: RequestHead): Answer {
    if (method !== 'GET' && method !== 'HEAD') return problem('https_required')
    return { status: 308, headers: ['location', `${options.origin}${target}`, ...PRIVATE_HEADERS] }
  }

  function page(step: Step): MaybePromise<Outcome> {
    return matchesProtected(step.target.path) ? protectedPage(step) : open(step)
  }

  async function protectedPage(step: Step): Promise<Outcome> {
    const { hopped, target } = readHop(step.rawTarget)
    const reading = await options.authority.ownHandler(step.method, step.headers)
    if (reading.ok) {
      if (hopped) return respond(cleanAddress(options.origin, target))
      const session = await options.sessions.touch(reading.session)
      return session === undefined ? respond(signInPage(target, 401, options)) : open(step, session)
    }
    if (step.method !== 'GET' && step.method !== 'HEAD') return respond(problem('signed_out'))
    if (options.strict && !hopped && mayLackStrictCookies(step.method, step.headers)) {
      return respond(hopPage(options.origin, target))
    }
    return respond(signInPage(target, 401, options))
  }

  // A page that may be shown: the app behind us answers, or whoever called us.
  function open(step: Step, session?: Session): Outcome {
    const { app, ownCookies } = options
    const setCookies = session === undefined ? [] : options.sessions.setCookies(session)
    options.budget(step.headers.cookie, setCookies)
    if (app === undefined) return { kind: 'pass', path: step.target.path, setCookies }
    const identity = {
      upstreamHost: app.upstreamHost,
      host,
      scheme,
      clientAddress: step.clientAddress,
      connection: step.headers.connection,
    }
    const sent = appRequestHeaders(step.rawHeaders, identity, ownCookies)
    const path = upstreamTarget(app, step.target)
    const about = { ownCookies, isProtected: session !== undefined }
    return {
      kind: 'forward',
      forward: createPageForward(app, step.method, path, sent, about, setCookies),
    }
  }

  function respond(answer: Answer): Outcome {
    return { kind: 'respond', answer: harden(answer) }
  }

  function hardenOutcome(outcome: Outcome): Outcome {
    return 'answer' in outcome ? { ...outcome, answer: harden(outcome.answer) } : outcome
  }

  function harden(answer: Answer): Answer {
    if (!hardened) return answer
    const headers = [...answer.headers, 'strict-transport-security', 'max-age=31536000']
    return { ...answer, headers }
  }

  const failed = (error: unknown): Outcome => respond(toProblem(error))
  return (head) => {
    try {
      const outcome = decide(head)
      return outcome instanceof Promise ? outcome.catch(failed) : outcome
    } catch (error) {
      return failed(error)
    }
  }
}

function setCookiesOf({ headers }: Answer): readonly string[] {
  return headers.filter((_, index) => index % 2 === 1 && headers[index - 1] === 'set-cookie')
}

function cleanAddress(origin: string, target: string): Answer {
  return { status: 303, headers: ['location', `${origin}${target}`, 'cache-control', 'no-store'] }
}

// Whatever goes wrong inside is told by its code alone: messages can quote what they failed at.
function toProblem(error: unknown): Answer {
  if (!(error instanceof CoatcheckError)) return problem('internal_error')
  return problem(error.code, { retryAfterSeconds: error.retryAfterSeconds })
}
