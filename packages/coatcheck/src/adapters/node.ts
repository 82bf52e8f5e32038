import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { type Answer, problem } from '../core/answer.ts'
import type { RequestHead } from '../core/request-head.ts'
import type { Counter } from '../counter/counter.ts'
import type { Outcome } from '../counter/outcome.ts'
import { carryCookies } from './node-cookies.ts'
import { type Dispatcher, forwardWithDispatcher } from './node-dispatch.ts'
import { sayAndClose } from './node-farewell.ts'
import { forwardWithPlatform } from './node-platform.ts'
import { forwardUpgrade } from './node-upgrade.ts'

/** How requests of `node:http` are answered. */
export interface NodeHandlerOptions {
  /** An undici `Agent` or `Pool`: three times the throughput of the platform's fetch, which is the default. WebSocket needs it. */
  readonly dispatcher?: Dispatcher
  /** Answers the app's own pages. Default: 404. */
  readonly pass?: (request: IncomingMessage, response: ServerResponse) => void
}

/** Listeners for a server of `node:http` or `node:https`. */
export interface NodeHandler {
  (request: IncomingMessage, response: ServerResponse): void
  /** For the server's `upgrade` event. */
  upgrade(request: IncomingMessage, socket: Duplex, first: Uint8Array): void
}

/**
 * The counter on a server of `node:http` or `node:https`.
 *
 * @example
 * const handler = createNodeHandler(counter, { pass: (request, response) => response.end('hello') })
 * createServer(handler).on('upgrade', handler.upgrade).listen(3000)
 */
export function createNodeHandler(counter: Counter, options: NodeHandlerOptions = {}): NodeHandler {
  const { dispatcher, pass } = options

  function carryOut(request: IncomingMessage, response: ServerResponse, outcome: Outcome): void {
    // Gone while its request was being decided: an upstream's answer would wait for a reader for ever.
    if (response.destroyed) return
    if (outcome.kind === 'respond') writeAnswer(request, response, outcome.answer)
    else if (outcome.kind === 'stream') stream(response, outcome)
    else if (outcome.kind === 'pass') {
      if (pass === undefined) writeAnswer(request, response, problem('route_unknown'))
      else {
        carryCookies(response, outcome.setCookies)
        pass(request, response)
      }
    } else if (outcome.forward.use === 'socket') {
      // An upgrade comes by its own event: this is half of one.
      writeAnswer(request, response, problem('route_unknown'))
    } else if (dispatcher === undefined) {
      forwardWithPlatform(outcome.forward, request, response).catch(() => fail(request, response))
    } else forwardWithDispatcher(dispatcher, outcome.forward, request, response)
  }

  const handler = (request: IncomingMessage, response: ServerResponse): void => {
    if (isMisnamed(request)) {
      writeAnswer(request, response, problem('version_refused'))
      return
    }
    const outcome = counter.handle(headOf(request))
    if (outcome instanceof Promise) {
      outcome
        .then((later) => carryOut(request, response, later))
        .catch(() => fail(request, response))
      return
    }
    try {
      carryOut(request, response, outcome)
    } catch {
      fail(request, response)
    }
  }

  async function answerUpgrade(
    request: IncomingMessage,
    socket: Duplex,
    first: Uint8Array,
  ): Promise<void> {
    if (isMisnamed(request)) {
      refuseUpgrade(socket, problem('version_refused'))
      return
    }
    const outcome = await counter.upgrade(headOf(request))
    if (socket.destroyed) return
    if (outcome.kind === 'respond') refuseUpgrade(socket, outcome.answer)
    else if (outcome.kind === 'forward' && dispatcher !== undefined) {
      forwardUpgrade(dispatcher, outcome.forward, request, socket, first)
    } else refuseUpgrade(socket, problem('route_unknown'))
  }

  const upgrade = (request: IncomingMessage, socket: Duplex, first: Uint8Array): void => {
    // The server has let go of the socket: a client that vanishes must not become an uncaught error.
    socket.on('error', () => socket.destroy())
    answerUpgrade(request, socket, first).catch(() => socket.destroy())
  }
  return Object.assign(handler, { upgrade })
}

// The parser takes `HTTP/2.0` on a request line; a real HTTP/2 request has a stream.
function isMisnamed(request: IncomingMessage): boolean {
  return request.httpVersionMajor !== 1 && !('stream' in request)
}

/**
 * The head of a `node:http` request.
 *
 * @example
 * const session = await counter.session(headOf(request))
 */
export function headOf(request: IncomingMessage): RequestHead {
  return {
    method: request.method ?? 'GET',
    target: request.url ?? '/',
    headers: request.rawHeaders,
    remoteAddress: request.socket.remoteAddress,
    encrypted: 'encrypted' in request.socket,
  }
}

function fail(request: IncomingMessage, response: ServerResponse): void {
  if (response.headersSent) response.destroy()
  else writeAnswer(request, response, problem('internal_error'))
}

function writeAnswer(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  const { body = '' } = answer
  const length = ['content-length', String(Buffer.byteLength(body))]
  // A body that nobody reads would block the connection's next request.
  if (!request.complete) request.resume()
  response.writeHead(answer.status, [...answer.headers, ...length])
  if (request.method === 'HEAD') response.end()
  else response.end(body)
}

function stream(response: ServerResponse, outcome: Outcome & { readonly kind: 'stream' }): void {
  const { status, headers } = outcome.answer
  response.writeHead(status, [...headers])
  const stop = outcome.begin({
    write: (text) => void response.write(text),
    end: () => void response.end(),
  })
  response.on('close', stop)
}

function refuseUpgrade(socket: Duplex, answer: Answer): void {
  const { body = '', headers, status } = answer
  let text = `HTTP/1.1 ${status} Refused\r\nconnection: close\r\ncontent-length: ${Buffer.byteLength(body)}\r\n`
  for (let index = 0; index + 1 < headers.length; index += 2) {
    text += `${headers[index]}: ${headers[index + 1]}\r\n`
  }
  sayAndClose(socket, `${text}\r\n${body}`)
}
