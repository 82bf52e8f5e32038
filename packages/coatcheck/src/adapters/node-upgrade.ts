import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { lowerCaseName } from '../core/request-head.ts'
import type { Forward } from '../proxy/forward.ts'
import { type Dispatcher, dispatchOptions, rawHeadersOf } from './node-dispatch.ts'
import { sayAndClose } from './node-farewell.ts'

const PASSED_ON: ReadonlySet<string> = new Set([
  'sec-websocket-accept',
  'sec-websocket-protocol',
  'sec-websocket-extensions',
])

const MAX_EARLY_BYTES = 65_536

/** Connects a WebSocket to its upstream: after the handshake both sides are one pipe. */
export function forwardUpgrade(
  dispatcher: Dispatcher,
  forward: Forward,
  request: IncomingMessage,
  socket: Duplex,
  first: Uint8Array,
): void {
  const early = readEarly(socket, first)
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
        else {
          join(socket, upstream, early.stop(), switching(rawHeadersOf(controller), forward))
          // What is under way between two frames cannot be told: it is cut, as by a network that fails.
          const stop = forward.watch?.(() => socket.destroy())
          if (stop !== undefined) socket.on('close', stop)
        }
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

// Reads from the client while the upstream makes up its mind: who does not read does not learn that a client
// has left.
function readEarly(socket: Duplex, first: Uint8Array): { stop(): readonly Uint8Array[] } {
  const parts = [first]
  let bytes = first.length
  const onData = (part: Uint8Array): void => {
    parts.push(part)
    bytes += part.length
    if (bytes > MAX_EARLY_BYTES) socket.destroy()
  }
  const onEnd = (): void => void socket.destroy()
  socket.on('data', onData).on('end', onEnd)
  return {
    stop: () => {
      socket.off('data', onData).off('end', onEnd)
      return parts
    },
  }
}

function switching(raw: readonly string[], { setCookies }: Forward): string {
  let head = 'HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n'
  for (let index = 0; index + 1 < raw.length; index += 2) {
    if (PASSED_ON.has(lowerCaseName(raw[index] ?? '')))
      head += `${raw[index]}: ${raw[index + 1]}\r\n`
  }
  for (const each of setCookies) head += `set-cookie: ${each}\r\n`
  return `${head}\r\n`
}

function join(socket: Duplex, upstream: Duplex, early: readonly Uint8Array[], head: string): void {
  socket.write(head)
  for (const part of early) if (part.length > 0) upstream.write(part)
  upstream.on('error', () => socket.destroy())
  socket.on('close', () => upstream.destroy())
  upstream.on('close', () => socket.destroy())
  upstream.pipe(socket)
  socket.pipe(upstream)
}

function refuse(socket: Duplex): void {
  const text = 'HTTP/1.1 502 Bad Gateway\r\nconnection: close\r\ncontent-length: 0\r\n\r\n'
  sayAndClose(socket, text)
}
