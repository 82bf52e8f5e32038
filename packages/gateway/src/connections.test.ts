import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { describe, expect, it } from 'vitest'
import { createConnections } from './connections.ts'

describe('connections', () => {
  it('closes one that is kept for a next request, when none comes', async () => {
    const connections = createConnections()
    const server = connections.watch(createServer((_request, response) => response.end('done')))
    server.keepAliveTimeout = 50
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const kept = connect((server.address() as AddressInfo).port, '127.0.0.1')
    kept.resume()
    const closed = once(kept, 'close', { signal: AbortSignal.timeout(10_000) })
    kept.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await closed
    await connections.close(10)
  })

  it('lets go of a client that takes nothing, and of no other', async () => {
    let open = 0
    const connections = createConnections(100)
    const server = connections.watch(
      createServer((request, response) => {
        open += 1
        response.on('close', () => {
          open -= 1
        })
        if (request.url === '/quiet') response.write('begun')
        else response.end(Buffer.alloc(64 * 1024 * 1024))
      }),
    )
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const quiet = connect(port, '127.0.0.1')
    quiet.write('GET /quiet HTTP/1.1\r\nHost: x\r\n\r\n')
    await once(quiet, 'data')
    const stalled = connect(port, '127.0.0.1')
    stalled.on('error', () => {})
    stalled.write('GET /large HTTP/1.1\r\nHost: x\r\n\r\n')
    stalled.pause()
    await expect.poll(() => open).toBe(2)
    await expect.poll(() => open, { timeout: 10_000 }).toBe(1)
    expect(quiet.destroyed).toBe(false)
    const closed = once(quiet, 'close')
    await connections.close(10)
    await closed
    stalled.destroy()
  })
})
