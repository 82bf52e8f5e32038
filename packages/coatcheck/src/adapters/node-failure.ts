import type { IncomingMessage, ServerResponse } from 'node:http'
import { problem } from '../core/answer.ts'
import type { ErrorCode } from '../core/error-codes.ts'

const TIMEOUTS: ReadonlySet<unknown> = new Set([
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'ETIMEDOUT',
])

/** Tells the client that its upstream call failed; cuts the answer off where it has begun already. */
export function failForward(
  request: IncomingMessage,
  response: ServerResponse,
  error: Error,
  tooLarge: boolean,
): void {
  if (response.headersSent) {
    response.destroy()
    return
  }
  const {
    status,
    headers,
    body = '',
  } = problem(tooLarge ? 'request_too_large' : failureCode(error))
  // The rest of an unread body makes the connection unusable.
  const rest = request.complete ? [] : ['connection', 'close']
  response.writeHead(status, [
    ...headers,
    ...rest,
    'content-length',
    String(Buffer.byteLength(body)),
  ])
  response.end(request.method === 'HEAD' ? undefined : body)
}

/** Which code an upstream's failure has. */
export function failureCode(error: Error): ErrorCode {
  return 'code' in error && TIMEOUTS.has(error.code) ? 'upstream_timeout' : 'upstream_unavailable'
}
