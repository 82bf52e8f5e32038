import { createServer } from 'node:net'
import { StartError } from './start-error.ts'

/**
 * Throws {@link StartError} if somebody has the port on either loopback address: said before anything
 * else is started. (Who takes it in between is told by the gateway, in the same words.)
 */
export async function checkPortIsFree(port: number): Promise<void> {
  for (const host of ['127.0.0.1', '::1']) {
    if (!(await isFree(host, port))) {
      throw new StartError(`Port ${port} is taken: free it or choose another with --port N.`)
    }
  }
}

function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    // Other faults, an address that this machine lacks or a port that needs privileges, are the gateway's to name.
    server.once('error', (error) => resolve(!('code' in error && error.code === 'EADDRINUSE')))
    server.listen({ host, port, ipv6Only: host === '::1' }, () => server.close(() => resolve(true)))
  })
}
