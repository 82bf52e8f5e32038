import { addressOf, readForwarded } from '../core/forwarded.ts'
import type { DecidingHeaders, RequestHead } from '../core/request-head.ts'

/** Who sent a request, and how it came to the outermost of our own hops. */
export interface Client {
  readonly address: string | undefined
  /** `undefined` where nobody whom we trust says so. */
  readonly scheme: 'http' | 'https' | undefined
}

/** In which header our own proxies tell. */
export type ForwardedBy = 'x-forwarded' | 'forwarded'

/**
 * Reads what our own proxies say of a request, and nothing that stood there before: of a list only the last so many
 * entries were written by them. Without proxies of our own the connection itself says it.
 *
 * @see RFC 7239, section 8.1
 * @example
 * createClientReader(1, 'x-forwarded')(head, readDecidingHeaders(head.headers)).address // what the nearest proxy saw
 */
export function createClientReader(
  hops: number,
  by: ForwardedBy,
): (head: RequestHead, headers: DecidingHeaders) => Client {
  return (head, headers) => {
    if (hops === 0) return direct(head)
    const told = by === 'forwarded' ? fromForwarded(headers, hops) : fromXForwarded(headers, hops)
    return { address: told.address ?? head.remoteAddress, scheme: told.scheme }
  }
}

// An unencrypted connection may come from a proxy that we do not know of.
function direct({ remoteAddress, encrypted }: RequestHead): Client {
  return { address: remoteAddress, scheme: encrypted ? 'https' : undefined }
}

function fromForwarded({ forwarded }: DecidingHeaders, hops: number): Client {
  const element = forwarded === undefined ? undefined : readForwarded(forwarded)?.at(-hops)
  return { address: addressOf(element?.for), scheme: schemeOf(element?.proto) }
}

function fromXForwarded({ forwardedFor, forwardedProto }: DecidingHeaders, hops: number): Client {
  // Most proxies write the scheme anew instead of appending it: the outermost of those that are there.
  const schemes = listOf(forwardedProto).slice(-hops)
  return {
    address: addressOf(listOf(forwardedFor).at(-hops)),
    scheme: schemeOf(schemes[0]?.toLowerCase()),
  }
}

function listOf(header: string | undefined): readonly string[] {
  return header?.split(',').map((entry) => entry.trim()) ?? []
}

function schemeOf(text: string | undefined): Client['scheme'] {
  return text === 'http' || text === 'https' ? text : undefined
}
