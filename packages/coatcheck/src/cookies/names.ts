const DEFAULT_NAME = 'coatcheck'
const PREFIX = /^__(?:host-http|http|host|secure)-/

/** What a cookie's name promises: `host` is nobody else's, `domain` is shared with other hosts or paths. */
export type CookieScope = 'host' | 'domain'

/** The names of our cookies at one origin. */
export interface CookieNames {
  /** The ticket. */
  readonly ticket: string
  /** What each sign-in transaction's cookie begins with. */
  readonly transactionPrefix: string
  /** What every cookie of ours is called behind its prefix, at any port. */
  readonly ours: string
}

/**
 * The cookie names for an origin. The longest promise that the scope allows stands in front: browsers keep such a
 * cookie only if a server set it (Http), for this host alone (Host). Cookies ignore ports: on loopback, where servers
 * share one host, the port is a part of the name.
 *
 * @see RFC 6265bis, section 8.5; draft-ietf-httpbis-layered-cookies, section 4.1.3.4
 * @example
 * cookieNames('https://app.example').ticket // '__Host-Http-coatcheck'
 * cookieNames('http://localhost:8080').ticket // '__Host-Http-coatcheck-8080'
 * cookieNames('https://app.example', { scope: 'domain' }).ticket // '__Http-coatcheck'
 */
export function cookieNames(
  origin: string,
  options: { readonly name?: string | undefined; readonly scope?: CookieScope } = {},
): CookieNames {
  const { name = DEFAULT_NAME, scope = 'host' } = options
  const url = new URL(origin)
  const port = url.port === '' ? defaultPort(url.protocol) : url.port
  const ownName = isLoopbackHost(url.hostname) ? `${name}-${port}` : name
  return {
    ticket: `${scope === 'host' ? '__Host-Http-' : '__Http-'}${ownName}`,
    // A sign-in is begun and ended on one host, whoever may see its outcome.
    transactionPrefix: `__Host-Http-${ownName}-in-`,
    ours: name.toLowerCase(),
  }
}

/**
 * Whether a cookie's name is one of ours, in any letter case and behind any prefix: those of a former configuration
 * open sessions as well. A nameless cookie is sent back as its value alone: `=name=value` reads as `name=value`.
 *
 * @see RFC 6265bis, sections 5.4 and 5.6
 * @example
 * isOwnCookie('__hOsT-Http-coatcheck=evil', 'coatcheck') // true
 */
export function isOwnCookie(pair: string, ours: string): boolean {
  const name = pair.replace(/^[\s=]+/, '').toLowerCase()
  const prefix = PREFIX.exec(name)
  return prefix !== null && name.startsWith(ours, prefix[0].length)
}

/**
 * Whether a host name always means this machine.
 *
 * @see RFC 6761, section 6.3; Secure Contexts, section 3.1
 * @example
 * isLoopbackHost('app.localhost') // true
 */
export function isLoopbackHost(hostname: string): boolean {
  return (
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    hostname === '[::1]' ||
    /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(hostname)
  )
}

function defaultPort(protocol: string): string {
  return protocol === 'https:' ? '443' : '80'
}
