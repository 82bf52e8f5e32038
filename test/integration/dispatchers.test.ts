import { once } from 'node:events'
import { createServer } from 'node:http'
import { createNodeHandler } from 'coatcheck/node'
import { Agent as Agent7 } from 'undici'
import { Agent as Agent8 } from 'undici-8'
import { describe, expect, it } from 'vitest'
import { counterWithSession } from '../../bench/servers/counter-set-up.mjs'
import { freePort } from '../support/dev-process.ts'
import { send } from '../support/send.ts'
import { listen } from '../support/stack.ts'

const AGENTS = [
  { name: 'undici 7', make: () => new Agent7() },
  { name: 'undici 8', make: () => new Agent8() },
  { name: "the platform's fetch", make: () => undefined },
]

describe('the node skin', () => {
  for (const { name, make } of AGENTS) {
    it(`streams both ways with ${name}, and tells failures`, async () => {
      let dropped = 0
      const upstream = await listen((request, response) => {
        if (request.url === '/drop') {
          dropped += 1
          request.socket.destroy()
          return
        }
        const parts: Buffer[] = []
        request.on('data', (part: Buffer) => parts.push(part))
        request.on('end', () => {
          response.writeHead(201, { 'x-from': 'upstream', 'set-cookie': 'a=b' })
          response.write(Buffer.concat(parts))
          response.end(request.headers.authorization?.slice(0, 6))
        })
      })
      const port = await freePort()
      const origin = `http://localhost:${port}`
      const { counter, cookie } = await counterWithSession(
        origin,
        `http://127.0.0.1:${upstream.port}`,
      )
      const dispatcher = make()
      const handler = createNodeHandler(counter, dispatcher === undefined ? {} : { dispatcher })
      const server = createServer(handler).listen(port, '127.0.0.1')
      await once(server, 'listening')
      const headers = {
        host: `localhost:${port}`,
        cookie,
        'sec-fetch-site': 'same-origin',
        'x-coatcheck': '1',
      }
      const address = `http://127.0.0.1:${port}/api`
      for (let round = 0; round < 3; round += 1) {
        const body = 'x'.repeat(200_000)
        const answer = await send(`${address}/echo`, { method: 'POST', headers, body })
        expect(answer.status).toBe(201)
        expect(answer.headers.get('x-from')).toBe('upstream')
        expect(answer.headers.getSetCookie()).toEqual([])
        expect(await answer.text()).toBe(`${body}Bearer`)
      }
      const lost = await send(`${address}/drop`, { headers })
      expect(lost.status).toBe(502)
      expect(((await lost.json()) as { code: string }).code).toBe('upstream_unavailable')
      // What changes nothing is tried once more over a dispatcher, what changes something never.
      expect(dropped).toBe(dispatcher === undefined ? 1 : 2)
      dropped = 0
      const posted = await send(`${address}/drop`, { method: 'POST', headers, body: 'x' })
      expect(posted.status).toBe(502)
      expect(dropped).toBe(1)
      server.close()
      await dispatcher?.destroy()
      upstream.server.closeAllConnections()
      upstream.server.close()
    })
  }
})
