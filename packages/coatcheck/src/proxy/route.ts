import { matchesPath, type TargetParts } from '../core/path.ts'

/** One API behind the proxy. */
export interface ApiRoute {
  /** What its addresses begin with; begins and ends with a slash. */
  readonly path: string
  /** Where they lead: origin and perhaps a base path, ends with a slash. */
  readonly upstream: string
  /** Listed downloads: a plain link may start them; the answer is always an attachment. Default: none. */
  readonly downloads?: readonly string[]
  /** Listed event streams: EventSource cannot send a header. Default: none. */
  readonly events?: readonly string[]
  /** Listed WebSocket addresses. Default: none. */
  readonly sockets?: readonly string[]
  /**
   * How long an event stream or a WebSocket lasts: as long as the session, or as the access token that it was opened
   * with, so that a client comes back with the next one. Default: `session`.
   */
  readonly connectionsLast?: 'session' | 'access_token'
  /** Default: GET, HEAD, POST, PUT, PATCH, DELETE. */
  readonly methods?: readonly string[]
  /** How much a request may carry. Default: 64 MiB. */
  readonly maxRequestBytes?: number
  /** How long the upstream may take until its answer begins. Default: 30 s. */
  readonly headersTimeoutSeconds?: number
  /** How long the upstream may pause within an answer (event streams and sockets: never). Default: 120 s. */
  readonly bodyTimeoutSeconds?: number
}

/** How an address of an API may be used. */
export type RouteUse = 'api' | 'download' | 'events' | 'socket'

/** An app whose pages lie behind us. */
export interface AppRoute {
  /** Where its pages are: origin and perhaps a base path, ends with a slash. It receives no token and no cookie of ours. */
  readonly upstream: string
}

/** A route made ready once, so that a request costs no parsing. */
export interface PreparedRoute {
  readonly path: string
  readonly upstreamOrigin: string
  readonly upstreamPath: string
  readonly upstreamHost: string
  readonly methods: ReadonlySet<string>
  readonly maxRequestBytes: number
  readonly headersTimeoutMs: number
  readonly bodyTimeoutMs: number
  readonly connectionsLast: 'session' | 'access_token'
  readonly route: ApiRoute
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']
const DEFAULT_MAX_REQUEST_BYTES = 64 * 1024 * 1024

/** Makes a route ready. */
export function prepareRoute(route: ApiRoute): PreparedRoute {
  const upstream = new URL(route.upstream)
  return {
    path: route.path,
    upstreamOrigin: upstream.origin,
    upstreamPath: upstream.pathname,
    upstreamHost: upstream.host,
    methods: new Set(route.methods ?? METHODS),
    maxRequestBytes: route.maxRequestBytes ?? DEFAULT_MAX_REQUEST_BYTES,
    headersTimeoutMs: (route.headersTimeoutSeconds ?? 30) * 1000,
    bodyTimeoutMs: (route.bodyTimeoutSeconds ?? 120) * 1000,
    connectionsLast: route.connectionsLast ?? 'session',
    route,
  }
}

/** How this address may be used, with this method. */
export function routeUse(
  route: PreparedRoute,
  path: string,
  method: string,
  upgrade: boolean,
): RouteUse {
  const { downloads, events, sockets } = route.route
  if (upgrade) return isListed(sockets, path) ? 'socket' : 'api'
  if (method !== 'GET' && method !== 'HEAD') return 'api'
  if (isListed(downloads, path)) return 'download'
  if (isListed(events, path)) return 'events'
  return 'api'
}

/**
 * The upstream's address of a request: the configured base and the raw rest, never parsed as a reference.
 *
 * @see OWASP SSRF cheat sheet
 */
export function upstreamTarget(route: PreparedRoute, target: TargetParts): string {
  return route.upstreamPath + target.rawPath.slice(route.path.length) + target.query
}

function isListed(patterns: readonly string[] | undefined, path: string): boolean {
  return patterns?.some((pattern) => matchesPath(pattern, path)) ?? false
}
