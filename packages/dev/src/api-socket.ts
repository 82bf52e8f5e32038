import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'

/** Who may open a socket: a status of 101 lets the request in. */
export type SocketGate = (request: IncomingMessage) => Promise<101 | 401 | 404 | 421>

const MAX_MESSAGE_BYTES = 1024 * 1024
const REASONS = { 401: 'Unauthorized', 404: 'Not Found', 421: 'Misdirected Request' } as const

/** Serves a WebSocket that sends everything back; gives a function that closes all of them. */
export function serveEchoSocket(server: Server, gate: SocketGate): () => void {
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES })
  sockets.on('connection', (socket) => {
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }))
    // Without a listener a message that is too long would end the process.
    socket.on('error', () => socket.terminate())
  })
  server.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    stream.on('error', () => stream.destroy())
    gate(request).then(
      (status) => {
        if (status !== 101) refuse(stream, status)
        else
          sockets.handleUpgrade(request, stream, head, (socket) =>
            sockets.emit('connection', socket),
          )
      },
      () => stream.destroy(),
    )
  })
  return () => {
    for (const socket of sockets.clients) socket.terminate()
    sockets.close()
  }
}

function refuse(stream: Duplex, status: keyof typeof REASONS): void {
  stream.end(
    `HTTP/1.1 ${status} ${REASONS[status]}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`,
  )
}
