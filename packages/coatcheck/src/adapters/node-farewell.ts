import type { Duplex } from 'node:stream'

const FAREWELL_MS = 2000

/**
 * Says a last word on a connection that the server has let go of, and closes it: whatever else comes is read
 * away, since an unread end would keep the connection for good, and a client that does not close is closed.
 */
export function sayAndClose(socket: Duplex, text: string): void {
  if (socket.destroyed) return
  const timer = setTimeout(() => socket.destroy(), FAREWELL_MS)
  socket.once('close', () => clearTimeout(timer))
  socket.resume()
  if (!socket.writableEnded) socket.end(text)
}
