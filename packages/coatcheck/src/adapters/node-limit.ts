import type { IncomingMessage } from 'node:http'
import { type Readable, Transform } from 'node:stream'
import type { Forward } from '../proxy/forward.ts'

/**
 * The body to send on, or `null` where there is none. A body of declared length was judged by its length
 * (the parser holds it to that); one without is counted while it streams.
 */
export function limitedBody(
  request: IncomingMessage,
  forward: Forward,
  limit: { exceeded: boolean },
): Readable | null {
  const { 'transfer-encoding': encoding, 'content-length': length } = request.headers
  if (encoding === undefined) return length === undefined || length === '0' ? null : request
  let seen = 0
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      seen += chunk.length
      limit.exceeded = seen > forward.maxRequestBytes
      if (limit.exceeded) done(new Error('the request is too large'))
      else done(null, chunk)
    },
  })
  request.on('error', (error) => counted.destroy(error))
  request.on('aborted', () => counted.destroy(new Error('the client left')))
  return request.pipe(counted)
}
