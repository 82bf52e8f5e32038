import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort } from '../../../test/support/dev-process.ts'
import { send } from '../../../test/support/send.ts'
import { type Stack, startStack } from '../../../test/support/stack.ts'
import { parseConfig } from './config.ts'

let stack: Stack
let http: string

beforeAll(async () => {
  const port = await freePort()
  stack = await startStack({
    https: true,
    config: (base) => ({ ...base, listen: { ...base.listen, httpRedirectPort: port } }),
  })
  http = `http://127.0.0.1:${port}`
})
afterAll(() => stack.close())

describe('T-OPS-02 plain http beside https', () => {
  it.each(['GET', 'HEAD'])('leads a page to https: %s', async (method) => {
    const answer = await send(`${http}/account/?tab=1`, { method })
    expect([answer.status, answer.headers.get('location')]).toEqual([
      308,
      `${stack.origin}/account/?tab=1`,
    ])
  })

  it('leads nobody elsewhere, whatever the Host says', async () => {
    for (const path of ['//evil.test/', '/\\evil.test', '/@evil.test', '/.evil.test']) {
      const answer = await send(`${http}${path}`, { headers: { host: 'evil.test' } })
      expect(new URL(answer.headers.get('location') ?? '').origin).toBe(stack.origin)
    }
  })

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])(
    'refuses %s, and takes no cookie',
    async (method) => {
      const headers = { cookie: `${stack.cookieName}=anything` }
      const answer = await send(`${http}/auth/sign-out`, { method, headers })
      expect([answer.status, answer.headers.getSetCookie()]).toEqual([403, []])
      expect(await answer.json()).toMatchObject({ code: 'https_required' })
    },
  )

  it('lives on when somebody asks for another protocol and is gone', async () => {
    for (let round = 0; round < 3; round += 1) {
      const { port } = new URL(http)
      const socket = connect(Number(port), '127.0.0.1')
      await once(socket, 'connect')
      socket.on('error', () => {})
      socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n')
      setTimeout(() => socket.resetAndDestroy(), round * 5)
      await once(socket, 'close')
    }
    expect((await send(`${http}/`)).status).toBe(308)
  })

  it('is a fault where the site itself is http', () => {
    const config = {
      ...stack.config,
      origin: 'http://localhost:1',
      listen: { httpRedirectPort: 80 },
    }
    expect(() => parseConfig(config)).toThrow('listen.httpRedirectPort: needs an origin of https')
  })
})
