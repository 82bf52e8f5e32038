import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { ConfigError } from './config.ts'
import { defaultHosts, listenOnAll } from './listen.ts'

const open: Server[] = []
afterEach(() => {
  for (const server of open.splice(0)) server.close()
})

const make = (): Server => {
  const server = createServer()
  open.push(server)
  return server
}

async function take(host: string): Promise<number> {
  const server = make().listen({ host, port: 0, ipv6Only: true })
  await once(server, 'listening')
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

describe('listening', () => {
  it('T-OPS-03 binds both loopback addresses for localhost, on one port', async () => {
    expect(defaultHosts('localhost')).toEqual(['127.0.0.1', '::1'])
    expect(defaultHosts('app.localhost')).toEqual(['127.0.0.1', '::1'])
    expect(defaultHosts('[::1]')).toEqual(['::1'])
    expect(defaultHosts('127.0.0.1')).toEqual(['127.0.0.1'])
    expect(defaultHosts('127.evil.test')).toEqual(['::'])
    const { servers, port } = await listenOnAll(make, defaultHosts('localhost'), 0)
    expect(servers.map((server) => server.address())).toMatchObject([
      { address: '127.0.0.1', port },
      { address: '::1', port },
    ])
  })

  it('T-OPS-03 fails in one line when either address is taken, and keeps neither', async () => {
    for (const host of ['127.0.0.1', '::1']) {
      const port = await take(host)
      const error = await listenOnAll(make, ['127.0.0.1', '::1'], port).catch(
        (fault: unknown) => fault,
      )
      expect(error).toBeInstanceOf(ConfigError)
      expect((error as ConfigError).faults).toHaveLength(1)
      expect((error as ConfigError).message).toContain(`Port ${port} is taken at ${host}`)
      expect((error as ConfigError).faults[0]).not.toContain('\n')
      const other = host === '::1' ? '127.0.0.1' : '::1'
      const again = make().listen({ host: other, port, ipv6Only: other === '::1' })
      await once(again, 'listening')
    }
  })

  it('says which address is none of this machine', async () => {
    const error = await listenOnAll(make, ['203.0.113.7'], 0).catch((fault: unknown) => fault)
    expect(error).toBeInstanceOf(ConfigError)
    expect((error as ConfigError).message).toContain('listen.hosts')
  })
})
