import type { Bytes } from '../core/bytes.ts'
import { concatBytes, decodeUtf8 } from '../core/bytes.ts'
import { CoatcheckError } from '../core/errors.ts'

/** The part of `fetch` that is used. */
export type FetchLike = (address: string, init: FetchLikeInit) => Promise<FetchLikeResponse>

/** What is asked of it. */
export interface FetchLikeInit {
  readonly headers: Record<string, string>
  readonly redirect: 'manual'
  readonly signal: AbortSignalLike
}

/** What comes back. */
export interface FetchLikeResponse {
  readonly status: number
  readonly body: {
    getReader(): {
      read(): Promise<{ readonly done: boolean; readonly value?: Bytes | undefined }>
      cancel(): Promise<void>
    }
  } | null
}

// The platform's own class; its type needs a DOM.
type AbortSignalLike = ReturnType<typeof AbortSignal.timeout>

/** Bounds of a fetch. */
export interface FetchJsonOptions {
  readonly fetch: FetchLike | undefined
  readonly maxResponseBytes: number
  readonly timeoutMs: number
}

/**
 * JSON from an address, bounded in size and time; redirects are not followed, so that nobody sends us
 * elsewhere. Throws `key_set_unavailable` or `key_set_invalid`.
 */
export async function fetchJson(address: string, options: FetchJsonOptions): Promise<unknown> {
  const fetch = options.fetch ?? (globalThis as unknown as { readonly fetch: FetchLike }).fetch
  const text = await fetchText(fetch, address, options)
  try {
    return JSON.parse(text)
  } catch {
    throw new CoatcheckError('key_set_invalid', { detail: 'The answer is not JSON.' })
  }
}

async function fetchText(
  fetch: FetchLike,
  address: string,
  options: FetchJsonOptions,
): Promise<string> {
  try {
    const response = await fetch(address, {
      headers: { accept: 'application/json' },
      redirect: 'manual',
      signal: AbortSignal.timeout(options.timeoutMs),
    })
    if (response.status !== 200) {
      // An unread body would hold its connection.
      await response.body?.getReader().cancel()
      throw new CoatcheckError('key_set_unavailable', {
        detail: `The issuer answered ${response.status}.`,
      })
    }
    const text = decodeUtf8(await readBounded(response, options.maxResponseBytes))
    if (text === undefined) throw new CoatcheckError('key_set_invalid')
    return text
  } catch (error) {
    if (error instanceof CoatcheckError) throw error
    throw new CoatcheckError('key_set_unavailable', { cause: error })
  }
}

async function readBounded(response: FetchLikeResponse, maxBytes: number): Promise<Bytes> {
  const reader = response.body?.getReader()
  const parts: Bytes[] = []
  let length = 0
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true, value: undefined }
    if (done || value === undefined) return concatBytes(...parts)
    length += value.length
    parts.push(value)
    if (length <= maxBytes) continue
    await reader?.cancel()
    throw new CoatcheckError('key_set_invalid', { detail: 'The answer is too large.' })
  }
}
