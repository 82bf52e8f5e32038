import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Bytes } from '../core/bytes.ts'
import { forwardWithFetch } from '../proxy/fetch-forward.ts'
import type { Forward } from '../proxy/forward.ts'

/** Streams a decided upstream call with the platform's fetch: nothing to install, a third of the speed. */
export async function forwardWithPlatform(
  forward: Forward,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const leaving = new AbortController()
  response.on('close', () => leaving.abort())
  const body = hasBody(request) ? (Readable.toWeb(request) as ReadableStream<Bytes>) : null
  const answer = await forwardWithFetch(forward, body, leaving.signal)
  if (leaving.signal.aborted) return
  response.writeHead(answer.status, [...answer.headers])
  if (answer.body === null || typeof answer.body === 'string') {
    response.end(answer.body ?? undefined)
    return
  }
  try {
    await pipeline(
      Readable.fromWeb(answer.body as Parameters<typeof Readable.fromWeb>[0]),
      response,
    )
  } catch {
    // The client left or the upstream broke off in mid-answer: the connection tells the rest.
    response.destroy()
  }
}

function hasBody(request: IncomingMessage): boolean {
  const { 'transfer-encoding': encoding, 'content-length': length } = request.headers
  return encoding !== undefined || (length !== undefined && length !== '0')
}
