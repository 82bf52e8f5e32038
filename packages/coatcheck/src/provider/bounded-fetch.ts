import { type Bytes, concatBytes } from '../core/bytes.ts'

/** The platform's fetch, or one like it. */
export type Fetch = (address: string, init: RequestInit) => Promise<Response>

/** A request that failed before the provider can have read it: nothing was spent. */
export class NotSentError extends Error {
  override readonly name = 'NotSentError'
}

/** A request that was sent and got no clear answer. */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError'
}

// What fails before a byte of the request is out: names, routes, connecting, our own doubts about the
// certificate, a handshake that the other side refuses.
const NOT_SENT: ReadonlySet<string> = new Set([
  'ENOTFOUND',
  'EAI_AGAIN',
  'EAI_FAIL',
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
  'EADDRNOTAVAIL',
  'UND_ERR_CONNECT_TIMEOUT',
  'HOSTNAME_MISMATCH',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'ERR_TLS_HANDSHAKE_TIMEOUT',
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'ERR_SSL_PACKET_LENGTH_TOO_LONG',
  'ERR_SSL_UNSUPPORTED_PROTOCOL',
  'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
  'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE',
])
const CERTIFICATE = /^(?:CERT_|SELF_SIGNED_|DEPTH_ZERO_|UNABLE_TO_)/

/**
 * No connection to a provider is kept. On one that it closes in the very moment in which we write, nobody
 * can tell whether a refresh token was spent; on a new one that fails, nothing was.
 */
export const ONE_CALL: { readonly connection: 'close' } = { connection: 'close' }

/** Bounds of every call to a provider. */
export interface FetchBounds {
  readonly timeoutMs: number
  readonly maxResponseBytes: number
}

/**
 * A fetch that is bounded in time and size and follows no redirect: what carries a client secret goes to the
 * configured provider alone. Rejects with {@link NotSentError} or {@link NoAnswerError}, and nothing of the
 * original error but that.
 */
export function createBoundedFetch(fetch: Fetch, bounds: FetchBounds): Fetch {
  return async (address, init) => {
    const signal = AbortSignal.timeout(bounds.timeoutMs)
    try {
      const headers = { ...init.headers, ...ONE_CALL }
      const response = await fetch(address, { ...init, headers, redirect: 'manual', signal })
      const body = await readBody(response, bounds.maxResponseBytes)
      const { status } = response
      return new Response(body.length === 0 ? null : body, { status, headers: response.headers })
    } catch (error) {
      throw isBeforeSending(error) ? new NotSentError() : new NoAnswerError()
    }
  }
}

async function readBody(response: Response, maxBytes: number): Promise<Bytes> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    length += part.length
    if (length > maxBytes) throw new NoAnswerError()
    parts.push(part)
  }
  return concatBytes(...parts)
}

function isBeforeSending(error: unknown): boolean {
  for (let current = error, depth = 0; current instanceof Error && depth < 4; depth += 1) {
    const code = Object.getOwnPropertyDescriptor(current, 'code')?.value
    if (typeof code === 'string' && (NOT_SENT.has(code) || CERTIFICATE.test(code))) return true
    if (Object.getOwnPropertyDescriptor(current, 'syscall')?.value === 'connect') return true
    // Several addresses were tried: their errors stand side by side.
    const [first] = current instanceof AggregateError ? current.errors : []
    current = first ?? current.cause
  }
  return false
}
