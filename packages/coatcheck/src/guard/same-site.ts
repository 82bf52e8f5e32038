import { getDomain } from 'tldts'

/**
 * Whether browsers take two origins for one site: the same scheme, and the same registrable domain by the Public Suffix
 * List, private suffixes included (two apps at github.io are two sites).
 *
 * @see RFC 6265bis, section 5.2; HTML, "same site"
 * @example
 * isSameSite('https://app.example.com', 'https://www.example.com:8443') // true
 * isSameSite('https://a.github.io', 'https://b.github.io') // false
 */
export function isSameSite(one: string, other: string): boolean {
  const [first, second] = [new URL(one), new URL(other)]
  if (first.protocol !== second.protocol) return false
  return siteOf(first.hostname) === siteOf(second.hostname)
}

// An address, and a host that is a public suffix itself, is a site of its own.
function siteOf(hostname: string): string {
  return getDomain(hostname, { allowPrivateDomains: true }) ?? hostname
}
