import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import type { Forward } from '../proxy/forward.ts'
import {
  controllerHandler,
  type DispatchController,
  type DispatchHandler,
  Exchange,
  headerTexts,
  RawHandler,
} from './node-exchange.ts'
import { failForward } from './node-failure.ts'
import { limitedBody } from './node-limit.ts'

/** The part of an undici `Dispatcher` that is used: `Agent`, `Pool` and `Client` fit. */
export interface Dispatcher {
  dispatch(options: DispatchOptions, handler: DispatchHandler | RawHandler): boolean
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

// undici 8 and later speak in controllers alone; 7 in both ways, and the raw one spares it a parsed copy of
// every answer's headers.
const speaksControllersOnly = new WeakSet<Dispatcher>()

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
  const limit = { exceeded: false }
  const body = limitedBody(request, forward, limit)
  const options = dispatchOptions(forward, body)
  const exchange = new Exchange(forward, response, (error, begun) => {
    if (
      !begun &&
      !speaksControllersOnly.has(dispatcher) &&
      codeOf(error) === 'UND_ERR_INVALID_ARG'
    ) {
      speaksControllersOnly.add(dispatcher)
      send()
    } else if (mayRepeat && !response.headersSent && CLOSED.has(codeOf(error))) {
      // A kept connection can be closed by the upstream just as it is used: what changes nothing is repeated.
      mayRepeat = false
      send()
    } else failForward(request, response, error, limit.exceeded)
  })
  if (forward.watch !== undefined) {
    response.on(
      'close',
      forward.watch(() => response.destroy()),
    )
  }
  let mayRepeat = body === null && (forward.method === 'GET' || forward.method === 'HEAD')

  function send(): void {
    const handler = speaksControllersOnly.has(dispatcher)
      ? controllerHandler(exchange)
      : new RawHandler(exchange)
    dispatcher.dispatch(options, handler)
  }

  send()
}

const CLOSED: ReadonlySet<unknown> = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'])

function codeOf(error: Error): unknown {
  return 'code' in error ? error.code : undefined
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
  return Array.isArray(raw) ? headerTexts(raw) : []
}
