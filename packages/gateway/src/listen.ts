import type { Server } from 'node:net'
import { ConfigError } from './config.ts'

/**
 * Makes servers listen, one a host, all on one port. `localhost` means two addresses: if only one were
 * bound, another process could take the other and with it the traffic.
 *
 * Throws {@link ConfigError} in one line if a port is taken.
 */
export async function listenOnAll(
  makeServer: () => Server,
  hosts: readonly string[],
  port: number,
): Promise<{ readonly servers: readonly Server[]; readonly port: number }> {
  const servers: Server[] = []
  let bound = port
  try {
    for (const host of hosts) {
      const server = makeServer()
      await listenOn(server, host, bound)
      servers.push(server)
      const address = server.address()
      if (address !== null && typeof address === 'object') bound = address.port
    }
  } catch (error) {
    for (const server of servers) server.close()
    throw error
  }
  return { servers, port: bound }
}

/** The addresses to bind for an origin: both of loopback for `localhost`, else all. */
export function defaultHosts(hostname: string): readonly string[] {
  if (hostname === 'localhost' || hostname.endsWith('.localhost')) return ['127.0.0.1', '::1']
  if (hostname === '[::1]') return ['::1']
  return /^127\.\d+\.\d+\.\d+$/.test(hostname) ? [hostname] : ['::']
}

function listenOn(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(describe(error, host, port)))
    server.listen({ host, port, ipv6Only: host === '::1' }, () => resolve())
  })
}

function describe(error: Error, host: string, port: number): Error {
  const code = 'code' in error ? error.code : undefined
  if (code === 'EADDRINUSE') {
    return new ConfigError([
      `Port ${port} is taken at ${host}: free it or choose another with --port N.`,
    ])
  }
  if (code === 'EACCES')
    return new ConfigError([`Port ${port} needs privileges: choose one above 1023.`])
  if (code === 'EADDRNOTAVAIL') {
    return new ConfigError([`${host} is not an address of this machine: set listen.hosts.`])
  }
  return error
}
