/** What is known of a request before its body: nothing is merged, so that doubled headers stay visible. */
export interface RequestHead {
  readonly method: string
  /** The request target as received: `/path?query`. */
  readonly target: string
  /** Name, value, name, value, ... as received. */
  readonly headers: readonly string[]
  /** The peer's address. Default: unknown. */
  readonly remoteAddress?: string | undefined
  /** Whether the connection to us is encrypted. */
  readonly encrypted: boolean
}

/** The headers that decide, each as received; several of one name are joined by `, ` (cookies by `; `). */
export interface DecidingHeaders {
  host: string | undefined
  origin: string | undefined
  referer: string | undefined
  cookie: string | undefined
  accept: string | undefined
  connection: string | undefined
  upgrade: string | undefined
  userAgent: string | undefined
  coatcheck: string | undefined
  fetchSite: string | undefined
  fetchMode: string | undefined
  fetchDest: string | undefined
  purpose: string | undefined
  contentLength: string | undefined
  requestMethod: string | undefined
  formToken: string | undefined
  forwarded: string | undefined
  forwardedFor: string | undefined
  forwardedProto: string | undefined
}

const MAX_KNOWN_NAMES = 512

const FIELDS: ReadonlyMap<string, keyof DecidingHeaders> = new Map([
  ['host', 'host'],
  ['origin', 'origin'],
  ['referer', 'referer'],
  ['cookie', 'cookie'],
  ['accept', 'accept'],
  ['connection', 'connection'],
  ['upgrade', 'upgrade'],
  ['user-agent', 'userAgent'],
  ['x-coatcheck', 'coatcheck'],
  ['sec-fetch-site', 'fetchSite'],
  ['sec-fetch-mode', 'fetchMode'],
  ['sec-fetch-dest', 'fetchDest'],
  ['sec-purpose', 'purpose'],
  ['purpose', 'purpose'],
  ['content-length', 'contentLength'],
  ['access-control-request-method', 'requestMethod'],
  ['x-coatcheck-form', 'formToken'],
  ['forwarded', 'forwarded'],
  ['x-forwarded-for', 'forwardedFor'],
  ['x-forwarded-proto', 'forwardedProto'],
])

// Each spelling of a name that was seen, and its field: a request costs look-ups, no lower-casing.
const fieldOf = new Map<string, keyof DecidingHeaders | undefined>()

function findField(name: string): keyof DecidingHeaders | undefined {
  const field = fieldOf.get(name)
  if (field !== undefined || fieldOf.has(name)) return field
  const found = FIELDS.get(lowerCaseName(name))
  if (fieldOf.size < MAX_KNOWN_NAMES && name.length <= 64) fieldOf.set(name, found)
  return found
}

/**
 * Reads the headers that decide in one pass. A doubled header never hides behind its twin: the joined
 * value matches nothing that is compared exactly.
 *
 * @example
 * readDecidingHeaders(['Host', 'app.example', 'host', 'evil.test']).host // 'app.example, evil.test'
 */
export function readDecidingHeaders(headers: readonly string[]): DecidingHeaders {
  const found: DecidingHeaders = {
    host: undefined,
    origin: undefined,
    referer: undefined,
    cookie: undefined,
    accept: undefined,
    connection: undefined,
    upgrade: undefined,
    userAgent: undefined,
    coatcheck: undefined,
    fetchSite: undefined,
    fetchMode: undefined,
    fetchDest: undefined,
    purpose: undefined,
    contentLength: undefined,
    requestMethod: undefined,
    formToken: undefined,
    forwarded: undefined,
    forwardedFor: undefined,
    forwardedProto: undefined,
  }
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const field = findField(headers[index] ?? '')
    if (field === undefined) continue
    const value = headers[index + 1] ?? ''
    const earlier = found[field]
    if (earlier === undefined) found[field] = value
    else found[field] = `${earlier}${field === 'cookie' ? '; ' : ', '}${value}`
  }
  return found
}

const known = new Map<string, string>()

/**
 * A header name in lower case. Clients send few distinct spellings: those seen are kept, up to a bound.
 *
 * @example
 * lowerCaseName('Sec-Fetch-Site') // 'sec-fetch-site'
 */
export function lowerCaseName(name: string): string {
  const seen = known.get(name)
  if (seen !== undefined) return seen
  const lower = name.toLowerCase()
  if (known.size < MAX_KNOWN_NAMES && name.length <= 64) known.set(name, lower)
  return lower
}
