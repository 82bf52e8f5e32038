import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { lowerCaseName } from '../core/request-head.ts'
import type { Forward } from '../proxy/forward.ts'
import { type Dispatcher, dispatchOptions, rawHeadersOf } from './node-dispatch.ts'

const PASSED_ON: ReadonlySet<string> = new Set([
  'sec-websocket-accept',
  'sec-websocket-protocol',
  'sec-websocket-extensions',
])

/** Connects a WebSocket to its upstream: after the handshake both sides are one pipe. */
export function forwardUpgrade(
  dispatcher: Dispatcher,
  forward: Forward,
  request: IncomingMessage,
  socket: Duplex,
  first: Uint8Array,
): void {
  let left = false
  let abort: ((reason: Error) => void) | undefined
  socket.on('close', () => {
    left = true
    abort?.(new Error('the client left'))
  })
  dispatcher.dispatch(
    { ...dispatchOptions(forward, null), upgrade: 'websocket' },
    {
      onRequestStart(controller) {
        abort = (reason) => controller.abort(reason)
        if (left) abort(new Error('the client left'))
      },
      onRequestUpgrade(controller, statusCode, _headers, upstream) {
        abort = undefined
        if (left || statusCode !== 101) upstream.destroy()
        else join(socket, upstream, first, rawHeadersOf(controller))
      },
      onResponseStart(controller) {
        // Anything but 101 is a refusal; its body is not the browser's business.
        refuse(socket)
        controller.abort(new Error('no upgrade'))
      },
      onResponseData() {},
      onResponseEnd() {},
      onResponseError() {
        if (!left) refuse(socket)
      },
    },
  )
  request.socket.setTimeout(0)
}

function join(socket: Duplex, upstream: Duplex, first: Uint8Array, raw: readonly string[]): void {
  let head = 'HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n'
  for (let index = 0; index + 1 < raw.length; index += 2) {
    if (PASSED_ON.has(lowerCaseName(raw[index] ?? '')))
      head += `${raw[index]}: ${raw[index + 1]}\r\n`
  }
  socket.write(`${head}\r\n`)
  if (first.length > 0) upstream.write(first)
  upstream.on('error', () => socket.destroy())
  socket.on('close', () => upstream.destroy())
  upstream.on('close', () => socket.destroy())
  upstream.pipe(socket)
  socket.pipe(upstream)
}

function refuse(socket: Duplex): void {
  if (!socket.writableEnded) {
    socket.end('HTTP/1.1 502 Bad Gateway\r\nconnection: close\r\ncontent-length: 0\r\n\r\n')
  }
}
