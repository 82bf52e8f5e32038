const PREFIX = '__Host-Http-coatcheck'

/** The names of our cookies at one origin. */
export interface CookieNames {
  /** The ticket. */
  readonly ticket: string
  /** What each sign-in transaction's cookie begins with. */
  readonly transactionPrefix: string
  /** What every cookie of ours begins with, at any port. */
  readonly ours: string
}

/**
 * The cookie names for an origin. Cookies ignore ports: on loopback, where servers share one host, the
 * port is a part of the name.
 *
 * @see RFC 6265bis, section 8.5; draft-ietf-httpbis-layered-cookies, section 4.1.3.4
 * @example
 * cookieNames('https://app.example').ticket // '__Host-Http-coatcheck'
 * cookieNames('http://localhost:8080').ticket // '__Host-Http-coatcheck-8080'
 */
export function cookieNames(origin: string): CookieNames {
  const url = new URL(origin)
  const port = url.port === '' ? defaultPort(url.protocol) : url.port
  const ticket = isLoopbackHost(url.hostname) ? `${PREFIX}-${port}` : PREFIX
  return { ticket, transactionPrefix: `${ticket}-in-`, ours: PREFIX }
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
