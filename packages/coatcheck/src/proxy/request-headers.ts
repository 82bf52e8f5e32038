import { withoutOwnCookies } from '../cookies/parse.ts'
import { lowerCaseName, readDecidingHeaders } from '../core/request-head.ts'
import { HOP_BY_HOP } from './hop-by-hop.ts'

// Hop-by-hop (RFC 9110, 7.6.1), what only we may say (identity, forwarding, the cookie), and what turns one
// method or address into another behind our back.
const DROPPED: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  'expect',
  'host',
  'cookie',
  'cookie2',
  'authorization',
  'dpop',
  'x-coatcheck',
  'x-coatcheck-form',
  'origin',
  'referer',
  'forwarded',
  'via',
  'x-real-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'true-client-ip',
  'cf-connecting-ip',
  'fastly-client-ip',
  'x-original-url',
  'x-rewrite-url',
  'x-http-method',
  'x-http-method-override',
  'x-method-override',
  'x-remote-user',
  'remote-user',
])

const FATE = new Map<string, boolean>()
const MAX_KNOWN_NAMES = 512

/** What goes along with a request, whoever sent it. */
export interface UpstreamIdentity {
  readonly accessToken: string
  readonly upstreamHost: string
  /** Of our own origin. */
  readonly host: string
  readonly scheme: string
  readonly clientAddress: string | undefined
  /** The request's Connection header: it may name further headers that go no further. */
  readonly connection: string | undefined
}

/**
 * The headers of the upstream's request: the caller's, less everything that could forge an identity or a
 * way, and the access token.
 *
 * @see RFC 9110, section 7.6.1; RFC 6750, section 2.1; RFC 9700, section 4.13
 * @example
 * upstreamHeaders(['Cookie', 'a=b', 'Accept', 'text/csv'], identity) // no cookie; accept, authorization, ...
 */
export function upstreamHeaders(received: readonly string[], identity: UpstreamIdentity): string[] {
  const headers = commonHeaders(received, identity)
  headers.push('authorization', `Bearer ${identity.accessToken}`)
  return headers
}

function commonHeaders(
  received: readonly string[],
  identity: Omit<UpstreamIdentity, 'accessToken'>,
): string[] {
  const named = namedBy(identity.connection)
  const headers = ['host', identity.upstreamHost]
  for (let index = 0; index + 1 < received.length; index += 2) {
    const name = received[index] ?? ''
    if (!travels(name) || named?.has(lowerCaseName(name))) continue
    headers.push(name, received[index + 1] ?? '')
  }
  headers.push('x-forwarded-host', identity.host, 'x-forwarded-proto', identity.scheme)
  if (identity.clientAddress !== undefined) headers.push('x-forwarded-for', identity.clientAddress)
  return headers
}

/**
 * The headers of a request to an app's own page: no token, no cookie of ours, nothing forged.
 *
 * @example
 * appRequestHeaders(['Cookie', '__Host-Http-coatcheck=t; theme=dark'], identity, 'coatcheck') // cookie: theme=dark
 */
export function appRequestHeaders(
  received: readonly string[],
  identity: Omit<UpstreamIdentity, 'accessToken'>,
  ownCookies: string,
): string[] {
  const headers = commonHeaders(received, identity)
  const { cookie, origin, referer } = readDecidingHeaders(received)
  const kept = withoutOwnCookies(cookie, ownCookies)
  if (kept !== undefined) headers.push('cookie', kept)
  if (origin !== undefined) headers.push('origin', origin)
  if (referer !== undefined) headers.push('referer', referer)
  return headers
}

function travels(name: string): boolean {
  const seen = FATE.get(name)
  if (seen !== undefined) return seen
  const lower = lowerCaseName(name)
  // An underscore reads as a hyphen in CGI-like servers: x_forwarded_for would come back to life there.
  const fate = !DROPPED.has(lower) && !lower.startsWith('x-forwarded') && !lower.includes('_')
  if (FATE.size < MAX_KNOWN_NAMES && name.length <= 64) FATE.set(name, fate)
  return fate
}

// A client must not make us drop what frames the body.
const NEVER_NAMED: ReadonlySet<string> = new Set(['content-length', 'content-type'])

function namedBy(connection: string | undefined): ReadonlySet<string> | undefined {
  if (connection === undefined) return undefined
  const lower = connection.toLowerCase()
  if (lower === 'keep-alive' || lower === 'close') return undefined
  const names = lower.split(',').map((name) => name.trim())
  return new Set(names.filter((name) => !NEVER_NAMED.has(name)))
}
