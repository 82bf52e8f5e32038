/** The platform's fetch, or one like it. */
export type Fetch = (address: string, init: FetchInit) => Promise<Response>

/** What is asked of it. */
export interface FetchInit {
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly body?: URLSearchParams | string | Uint8Array<ArrayBuffer> | null | undefined
  readonly redirect?: 'manual'
  readonly signal?: AbortSignal | null | undefined
}

/** A request that failed before the provider can have read it: nothing was spent. */
export class NotSentError extends Error {
  override readonly name = 'NotSentError'
}

/** A request that was sent and got no clear answer. */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError'
}

// Names, routes and handshakes: what fails before a byte of the request is out.
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
  'CERT_HAS_EXPIRED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'ERR_TLS_CERT_ALTNAME_INVALID',
])

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
      const response = await fetch(address, { ...init, redirect: 'manual', signal })
      const body = await readBody(response, bounds.maxResponseBytes)
      const empty = response.status === 204 || response.status === 304
      return new Response(empty ? null : body, {
        status: response.status,
        headers: response.headers,
      })
    } catch (error) {
      throw NOT_SENT.has(codeOf(error)) ? new NotSentError() : new NoAnswerError()
    }
  }
}

async function readBody(response: Response, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    length += part.length
    if (length > maxBytes) throw new NoAnswerError()
    parts.push(part)
  }
  const body = new Uint8Array(length)
  let offset = 0
  for (const part of parts) {
    body.set(part, offset)
    offset += part.length
  }
  return body
}

function codeOf(error: unknown): string {
  for (let current = error, depth = 0; current instanceof Error && depth < 4; depth += 1) {
    const code = Object.getOwnPropertyDescriptor(current, 'code')?.value
    if (typeof code === 'string') return code
    const [first] = current instanceof AggregateError ? current.errors : []
    current = first ?? current.cause
  }
  return ''
}
