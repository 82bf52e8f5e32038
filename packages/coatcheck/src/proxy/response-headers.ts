import { lowerCaseName } from '../core/request-head.ts'
import { HOP_BY_HOP } from './hop-by-hop.ts'
import type { RouteUse } from './route.ts'

// Hop-by-hop, what would speak for our whole origin, and what an upstream has no business to set in a
// browser that it never meets: its cookies could shadow or tangle with ours.
const DROPPED: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  'set-cookie',
  'set-cookie2',
  'clear-site-data',
  'service-worker-allowed',
  'strict-transport-security',
  'public-key-pins',
  'alt-svc',
  'refresh',
  'link',
  'origin-agent-cluster',
  'nel',
  'report-to',
  'reporting-endpoints',
  'content-security-policy',
  'content-security-policy-report-only',
  'x-content-type-options',
  'x-frame-options',
  'cross-origin-resource-policy',
  'cross-origin-opener-policy',
  'cross-origin-embedder-policy',
  'secure-session-registration',
  'secure-session-challenge',
  'server',
  'x-powered-by',
])

const FATE = new Map<string, Fate>()
const MAX_KNOWN_NAMES = 512

// What an upstream sends lies on our origin: sandboxed, never sniffed, never embedded elsewhere.
const HARDENING: readonly string[] = [
  'content-security-policy',
  "default-src 'none'; frame-ancestors 'none'; sandbox",
  'x-content-type-options',
  'nosniff',
  'cross-origin-resource-policy',
  'same-origin',
]

/**
 * The headers of the answer to the browser: the upstream's, less what could act for our origin, with
 * downloads made attachments and nothing left in shared caches.
 *
 * @see RFC 9110, section 7.6.1; OWASP ASVS 5.0, V3.2.1 and V14.2.2
 * @example
 * downstreamHeaders(['Set-Cookie', 'a=b', 'Content-Type', 'text/csv'], 'download') // no cookie; an attachment
 */
export function downstreamHeaders(received: readonly string[], use: RouteUse): string[] {
  const headers: string[] = []
  let cacheControl: string | undefined
  let disposition: string | undefined
  let named: ReadonlySet<string> | undefined
  for (let index = 0; index + 1 < received.length; index += 2) {
    const name = received[index] ?? ''
    const value = received[index + 1] ?? ''
    const fate = fateOf(name)
    if (fate === 'passes') headers.push(name, value)
    else if (fate === 'connection') named = namesIn(value) ?? named
    else if (fate === 'cache-control')
      cacheControl = cacheControl === undefined ? value : `${cacheControl}, ${value}`
    else if (fate === 'content-disposition') disposition = value
    else if (fate === 'www-authenticate' && /^\s*(?:bearer|dpop)\b/i.test(value)) {
      headers.push(name, value)
    }
  }
  const kept = named === undefined ? headers : without(headers, named)
  kept.push('cache-control', privateCacheControl(cacheControl), ...HARDENING)
  const attachment = use === 'download' ? asAttachment(disposition) : disposition
  if (attachment !== undefined) kept.push('content-disposition', attachment)
  return kept
}

type Fate =
  | 'passes'
  | 'dropped'
  | 'connection'
  | 'cache-control'
  | 'content-disposition'
  | 'www-authenticate'

const LOOKED_AT: ReadonlyMap<string, Fate> = new Map([
  ['connection', 'connection'],
  ['cache-control', 'cache-control'],
  ['content-disposition', 'content-disposition'],
  ['www-authenticate', 'www-authenticate'],
])

function fateOf(name: string): Fate {
  const seen = FATE.get(name)
  if (seen !== undefined) return seen
  const lower = lowerCaseName(name)
  const isDropped = DROPPED.has(lower) || lower.startsWith('access-control-')
  const fate = LOOKED_AT.get(lower) ?? (isDropped ? 'dropped' : 'passes')
  if (FATE.size < MAX_KNOWN_NAMES && name.length <= 64) FATE.set(name, fate)
  return fate
}

/** What the upstream said of caching, if it keeps shared caches out; else `no-store`. */
export function privateCacheControl(value: string | undefined): string {
  if (value === undefined || value === 'no-store') return 'no-store'
  const lower = value.toLowerCase()
  const keepsOthersOut = /(?:^|[\s,])(?:private|no-store)(?:$|[\s,])/.test(lower)
  return keepsOthersOut && !/\b(?:public|s-maxage)\b/.test(lower) ? value : 'no-store'
}

function asAttachment(disposition: string | undefined): string {
  if (disposition === undefined) return 'attachment'
  const parameters = disposition.indexOf(';')
  return parameters === -1 ? 'attachment' : `attachment${disposition.slice(parameters)}`
}

function namesIn(connection: string): ReadonlySet<string> | undefined {
  const lower = connection.toLowerCase()
  if (lower === 'keep-alive' || lower === 'close') return undefined
  return new Set(lower.split(',').map((name) => name.trim()))
}

const FRAMING: ReadonlySet<string> = new Set(['content-length', 'content-type', 'content-encoding'])

function without(headers: readonly string[], named: ReadonlySet<string>): string[] {
  const kept: string[] = []
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const lower = lowerCaseName(headers[index] ?? '')
    if (named.has(lower) && !FRAMING.has(lower)) continue
    kept.push(headers[index] ?? '', headers[index + 1] ?? '')
  }
  return kept
}
