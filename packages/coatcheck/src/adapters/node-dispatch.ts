import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex, Readable } from 'node:stream'
import type { Forward } from '../proxy/forward.ts'
import { failForward } from './node-failure.ts'
import { limitedBody } from './node-limit.ts'

/** The part of an undici `Dispatcher` that is used: `Agent`, `Pool` and `Client` fit. */
export interface Dispatcher {
  dispatch(options: DispatchOptions, handler: DispatchHandler): boolean
}

/** What is dispatched. */
export interface DispatchOptions {
  origin: string
  path: string
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  headers: string[]
  body: Readable | null
  headersTimeout: number
  bodyTimeout: number
  upgrade?: 'websocket' | null
}

/** What a dispatcher tells of a request under way. */
export interface DispatchHandler {
  onRequestStart(controller: DispatchController): void
  onResponseStart(controller: DispatchController, statusCode: number): void
  onResponseData(controller: DispatchController, chunk: Uint8Array): void
  onResponseEnd(controller: DispatchController): void
  onResponseError(controller: DispatchController, error: Error): void
  onRequestUpgrade?(
    controller: DispatchController,
    statusCode: number,
    headers: unknown,
    socket: Duplex,
  ): void
}

/** A request under way. */
export interface DispatchController {
  readonly rawHeaders?: unknown
  abort(reason: Error): void
  pause(): void
  resume(): void
}

/**
 * Streams a decided upstream call both ways, with backpressure. A client that leaves gives the upstream's
 * connection back at once: a leaked one is lost for good, and with the last of them the whole proxy.
 */
export function forwardWithDispatcher(
  dispatcher: Dispatcher,
  forward: Forward,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  let current: DispatchController | undefined
  let left = false
  const limit = { exceeded: false }
  const body = limitedBody(request, forward, limit)
  const resume = (): void => current?.resume()

  response.on('close', () => {
    left = true
    if (!response.writableFinished) current?.abort(new Error('the client left'))
  })

  function send(mayRepeat: boolean): void {
    dispatcher.dispatch(dispatchOptions(forward, body), {
      onRequestStart(controller) {
        current = controller
        if (left) controller.abort(new Error('the client left'))
      },
      onResponseStart(controller, statusCode) {
        if (statusCode < 200) return
        response.writeHead(statusCode, forward.answerHeaders(rawHeadersOf(controller)))
      },
      onResponseData(controller, chunk) {
        if (response.write(chunk)) return
        controller.pause()
        response.once('drain', resume)
      },
      onResponseEnd() {
        response.end()
      },
      onResponseError(_controller, error) {
        if (left) return
        // A kept connection can be closed by the upstream just as it is used: what changes nothing is repeated.
        if (mayRepeat && !response.headersSent && isClosedConnection(error)) send(false)
        else failForward(request, response, error, limit.exceeded)
      },
    })
  }

  send(body === null && (forward.method === 'GET' || forward.method === 'HEAD'))
}

/** A decided call in the dispatcher's words. */
export function dispatchOptions(forward: Forward, body: Readable | null): DispatchOptions {
  return {
    origin: forward.origin,
    path: forward.path,
    method: forward.method as DispatchOptions['method'],
    headers: forward.headers as string[],
    body,
    headersTimeout: forward.headersTimeoutMs,
    bodyTimeout: forward.bodyTimeoutMs,
  }
}

/** An upstream's headers as it sent them. */
export function rawHeadersOf(controller: DispatchController): string[] {
  const raw = controller.rawHeaders
  if (!Array.isArray(raw)) return []
  return raw.map((part: unknown) =>
    Buffer.isBuffer(part) ? part.toString('latin1') : String(part),
  )
}

function isClosedConnection(error: Error): boolean {
  const code = 'code' in error ? error.code : undefined
  return code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' || code === 'EPIPE'
}
