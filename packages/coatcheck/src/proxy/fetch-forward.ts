import { type Answer, problem } from '../core/answer.ts'
import type { Bytes } from '../core/bytes.ts'
import type { Forward } from './forward.ts'

/** An upstream's answer over the platform's fetch. */
export interface FetchedAnswer {
  readonly status: number
  readonly headers: readonly string[]
  readonly body: ReadableStream<Bytes> | string | null
}

// The platform's fetch frames bodies itself and unpacks encodings without saying so in the headers.
const LEFT_TO_FETCH: ReadonlySet<string> = new Set(['host', 'content-length', 'accept-encoding'])

/**
 * Sends a decided upstream call with the platform's fetch. Redirects are not followed: the token goes to the
 * configured upstream alone. Upstream trouble is an answer (502, 504, 413), never a throw.
 */
export async function forwardWithFetch(
  forward: Forward,
  body: ReadableStream<Bytes> | null,
  signal: AbortSignal,
): Promise<FetchedAnswer> {
  const timeout = new AbortController()
  const timer = setTimeout(() => timeout.abort(), forward.headersTimeoutMs)
  const ending = new AbortController()
  const stop = forward.watch?.(() => ending.abort())
  const limit = { exceeded: false }
  try {
    const sends = forward.method !== 'GET' && forward.method !== 'HEAD'
    const response = await fetch(forward.origin + forward.path, {
      method: forward.method,
      headers: requestHeaders(forward.headers),
      body: sends && body !== null ? limited(body, forward.maxRequestBytes, limit) : null,
      redirect: 'manual',
      signal: AbortSignal.any([signal, timeout.signal, ending.signal]),
      duplex: 'half',
    } as RequestInit)
    return {
      status: response.status,
      headers: forward.answerHeaders(responseHeaders(response.headers)),
      body: untilRead(response.body as ReadableStream<Bytes> | null, stop),
    }
  } catch {
    stop?.()

    if (limit.exceeded) return withBody(problem('request_too_large'))
    return withBody(problem(timeout.signal.aborted ? 'upstream_timeout' : 'upstream_unavailable'))
  } finally {
    clearTimeout(timer)
  }
}

// Somebody watches over an endless answer: until it has been read, or nobody reads it any more.
function untilRead(
  body: ReadableStream<Bytes> | null,
  stop: (() => void) | undefined,
): ReadableStream<Bytes> | null {
  if (stop === undefined || body === null) {
    stop?.()
    return body
  }
  const reader = body.getReader()
  return new ReadableStream<Bytes>({
    pull: async (controller) => {
      const { done, value } = await reader.read().catch((error: unknown) => {
        stop()
        throw error
      })
      if (!done) return controller.enqueue(value)
      stop()
      controller.close()
    },
    cancel: (reason) => {
      stop()
      return reader.cancel(reason)
    },
  })
}

function limited(
  body: ReadableStream<Bytes>,
  maxBytes: number,
  limit: { exceeded: boolean },
): ReadableStream<Bytes> {
  let seen = 0
  return body.pipeThrough(
    new TransformStream<Bytes, Bytes>({
      transform(chunk, controller) {
        seen += chunk.byteLength
        if (seen > maxBytes) {
          limit.exceeded = true
          controller.error(new Error('request too large'))
        } else controller.enqueue(chunk)
      },
    }),
  )
}

function requestHeaders(flat: readonly string[]): [string, string][] {
  const headers: [string, string][] = [['accept-encoding', 'identity']]
  for (let index = 0; index + 1 < flat.length; index += 2) {
    const name = flat[index] ?? ''
    if (!LEFT_TO_FETCH.has(name.toLowerCase())) headers.push([name, flat[index + 1] ?? ''])
  }
  return headers
}

function responseHeaders(headers: Headers): string[] {
  const unpacked = headers.has('content-encoding')
  const flat: string[] = []
  for (const [name, value] of headers) {
    if (unpacked && (name === 'content-encoding' || name === 'content-length')) continue
    flat.push(name, value)
  }
  return flat
}

function withBody(answer: Answer): FetchedAnswer {
  return { status: answer.status, headers: answer.headers, body: answer.body ?? null }
}
