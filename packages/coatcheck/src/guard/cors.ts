import { type Answer, PRIVATE_HEADERS, problem } from '../core/answer.ts'
import type { DecidingHeaders } from '../core/request-head.ts'

/** How pages of other origins of the site may call. */
export interface CorsOptions {
  /** Request headers besides those that such calls usually have. Default: none. */
  readonly headers?: readonly string[]
  /** Answer headers that their scripts may read. Default: none. */
  readonly exposedHeaders?: readonly string[]
}

/** Cross-origin resource sharing with exact origins. */
export interface Cors {
  /** The answer to a preflight; `undefined` for a request that is none. */
  preflight(method: string, headers: DecidingHeaders, methods: Iterable<string>): Answer | undefined
  /** What an answer to this request says of who may read it. */
  headersFor(headers: DecidingHeaders): readonly string[]
}

// What scripts send that call APIs; each by name, nothing is reflected.
const USUAL_HEADERS: readonly string[] = [
  'content-type',
  'x-coatcheck',
  'x-coatcheck-form',
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
  'range',
  'idempotency-key',
  'traceparent',
  'tracestate',
]
// As long as Chromium believes it.
const MAX_AGE_SECONDS = 7200
const VARY: readonly string[] = ['vary', 'origin']

/**
 * Answers preflights and marks answers, for origins that are listed and for nobody else: exact, with credentials, never
 * `*`, never what a request said.
 *
 * @see Fetch, "CORS protocol and credentials"; OWASP ASVS 5.0, V3.4.2
 * @example
 * const cors = createCors(['https://www.example.com'])
 */
export function createCors(allowedOrigins: readonly string[], options: CorsOptions = {}): Cors {
  const origins = new Map(
    allowedOrigins.map((origin) => [
      origin,
      [
        ...['access-control-allow-origin', origin],
        ...['access-control-allow-credentials', 'true'],
        ...VARY,
      ],
    ]),
  )
  const allowedHeaders = [...USUAL_HEADERS, ...(options.headers ?? [])].join(', ').toLowerCase()
  const exposed =
    options.exposedHeaders === undefined || options.exposedHeaders.length === 0
      ? []
      : ['access-control-expose-headers', options.exposedHeaders.join(', ').toLowerCase()]

  function preflight(
    method: string,
    { origin, requestMethod }: DecidingHeaders,
    methods: Iterable<string>,
  ): Answer | undefined {
    if (method !== 'OPTIONS' || origin === undefined || requestMethod === undefined)
      return undefined
    const allowed = origins.get(origin)
    if (allowed === undefined) return problem('cross_site_refused', { headers: VARY })
    return {
      status: 204,
      headers: [
        ...allowed,
        ...['access-control-allow-methods', [...methods].join(', ')],
        ...['access-control-allow-headers', allowedHeaders],
        ...['access-control-max-age', String(MAX_AGE_SECONDS)],
        ...PRIVATE_HEADERS,
      ],
    }
  }

  return {
    preflight,
    headersFor: ({ origin }) => {
      const allowed = origin === undefined ? undefined : origins.get(origin)
      return allowed === undefined ? VARY : [...allowed, ...exposed]
    },
  }
}
