import type { Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

/** The connections of browsers. */
export interface Connections {
  /** Watches over a server's connections; gives it back. */
  watch(server: Server): Server
  /** Ends sockets at once, lets requests under way end within `graceMs`, then closes everything. */
  close(graceMs: number): Promise<void>
}

const STALLED_MS = 60_000

/**
 * Watches over connections: a client that takes nothing of its answer for `stalledMs` is let go, because it
 * holds a connection to the upstream as well; and nothing keeps the process from ending.
 */
export function createConnections(stalledMs: number = STALLED_MS): Connections {
  const servers = new Set<Server>()
  const upgraded = new Set<Duplex>()
  const latest = new WeakMap<Duplex, ServerResponse>()

  function watch(server: Server): Server {
    servers.add(server)
    server.on('request', (request, response) => latest.set(request.socket, response))
    server.on('upgrade', (_request, socket) => {
      // An error that nobody listens to would end the process.
      socket.on('error', () => {})
      upgraded.add(socket)
      socket.on('close', () => upgraded.delete(socket))
    })
    return server.setTimeout(stalledMs, (socket) => {
      // Also called for connections that are kept for a next request and have waited long enough.
      const working = latest.get(socket)?.writableFinished === false
      if (working && socket.writableLength === 0) socket.setTimeout(stalledMs)
      else socket.destroy()
    })
  }

  function closeOne(server: Server, graceMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => server.closeAllConnections(), graceMs)
      server.close(() => {
        clearTimeout(timer)
        resolve()
      })
      server.closeIdleConnections()
    })
  }

  return {
    watch,
    close: async (graceMs) => {
      // They never end by themselves, and the server counts them without being able to close them.
      for (const socket of upgraded) socket.destroy()
      await Promise.all([...servers].map((server) => closeOne(server, graceMs)))
    },
  }
}
