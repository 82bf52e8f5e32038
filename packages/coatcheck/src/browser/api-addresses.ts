import { CoatcheckError } from '../core/errors.ts'

/** Whether a token may be sent to an address. */
export type ApiAddresses = (url: URL) => boolean

const LOOPBACK = /^(?:(?:.+\.)?localhost|127\.[\d.]+|\[::1\])$/

/** Whether an address is https:, or by the named exception http: on this machine. */
export function isSafeAddress(
  { protocol, hostname, username, password }: URL,
  insecure: boolean,
): boolean {
  const isFine =
    protocol === 'https:' || (insecure && protocol === 'http:' && LOOPBACK.test(hostname))
  return isFine && username === '' && password === ''
}

/** A configured address, or `undefined` for one that tokens must not be sent to. */
export function readSafeAddress(address: string, insecure: boolean): URL | undefined {
  try {
    const url = new URL(address)
    return isSafeAddress(url, insecure) && url.hash === '' ? url : undefined
  } catch {
    return undefined
  }
}

/**
 * Reads the only addresses that tokens are sent to. An entry stands for its origin, and its path with all below it,
 * segment by segment: `https://api.example/v1` is not `/v10`, nor `https://api.example.evil.test`.
 *
 * Throws `invalid_configuration` for an entry that is no https: address or has a query.
 */
export function readApiAddresses(entries: readonly string[], insecure: boolean): ApiAddresses {
  const rules = entries.map((entry) => {
    const url = readSafeAddress(entry, insecure)
    if (url !== undefined && url.search === '')
      return { origin: url.origin, path: url.pathname.replace(/\/$/, '') }
    throw new CoatcheckError('invalid_configuration', {
      detail: 'apis: each must be an https: address without query and fragment.',
    })
  })
  return (url) => {
    // Twice encoded, or with a parameter behind the dots: some servers read them as dots and slashes.
    if (!isSafeAddress(url, insecure) || /%25(?:2e|2f|5c)|\.\.;/i.test(url.pathname)) return false
    // A server may read an encoded slash as a slash: then `..%2f` leads out of the path (RFC 3986, 6.2.2.2).
    const decoded = new URL(
      url.pathname.replaceAll(/%2f|%5c/gi, '/').replace(/^\/+/, '/'),
      url.origin,
    )
    return rules.some(
      ({ origin, path }) =>
        origin === url.origin &&
        [url, decoded].every(
          ({ pathname }) => pathname === path || pathname.startsWith(`${path}/`),
        ),
    )
  }
}
