import { request } from 'node:http'
import { type Gateway, startGateway } from '@coatcheck/gateway'
import { afterEach, describe, expect, it } from 'vitest'
import { freePort } from '../support/dev-process.ts'
import { send } from '../support/send.ts'
import { apiCall, type Stack, signInOverHttp, startStack } from '../support/stack.ts'

const open: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

async function start(options: Parameters<typeof startStack>[0] = {}): Promise<Stack> {
  const stack = await startStack(options)
  open.push(() => stack.close())
  return stack
}

/** A second gateway over the same store, as another machine has it. */
async function startAnother(stack: Stack): Promise<{ readonly address: string }> {
  const port = await freePort()
  const gateway: Gateway = await startGateway({ ...stack.config, listen: { port } })
  open.push(() => gateway.close())
  return { address: `http://localhost:${port}` }
}

/** A request as a page of the stack's origin makes it, sent to whichever gateway. */
function ask(stack: Stack, address: string, path: string, ticket: string, method = 'GET') {
  const host = new URL(stack.origin).host
  const headers = {
    host,
    cookie: ticket,
    'x-coatcheck': '1',
    'sec-fetch-site': 'same-origin',
    'sec-fetch-mode': 'cors',
    ...(method === 'POST' ? { origin: stack.origin } : {}),
  }
  return send(`${address}${path}`, { method, headers })
}

interface Listed {
  readonly session: string
  readonly current: boolean
  readonly userAgent?: string
  readonly lastSeenAt: number
}

async function list(stack: Stack, ticket: string): Promise<readonly Listed[]> {
  const answer = await ask(stack, stack.origin, '/auth/sessions', ticket)
  expect(answer.status).toBe(200)
  expect(answer.headers.get('cache-control')).toBe('no-store')
  return ((await answer.json()) as { readonly sessions: readonly Listed[] }).sessions
}

function later<T>() {
  let resolve: (value: T) => void = () => {}
  const promise = new Promise<T>((done) => {
    resolve = done
  })
  return { promise, resolve }
}

/** An event stream as text, until it ends. */
function listen(stack: Stack, address: string, ticket: string) {
  let text = ''
  let status = 0
  const opened = later<void>()
  const ended = later<string>()
  const sent = request(
    `${address}/auth/events`,
    {
      agent: false,
      headers: {
        host: new URL(stack.origin).host,
        cookie: ticket,
        accept: 'text/event-stream',
        'sec-fetch-site': 'same-origin',
        'sec-fetch-dest': 'empty',
      },
    },
    (answer) => {
      status = answer.statusCode ?? 0
      answer.on('data', (part: Buffer) => {
        text += part.toString()
        opened.resolve()
      })
      answer.on('end', () => {
        opened.resolve()
        ended.resolve(text)
      })
      answer.on('error', () => ended.resolve(text))
    },
  )
  sent.on('error', () => {
    opened.resolve()
    ended.resolve(text)
  })
  sent.end()
  return {
    opened: opened.promise,
    ended: ended.promise,
    leave: () => sent.destroy(),
    get status() {
      return status
    },
  }
}

describe('sessions on all devices', () => {
  it('lists those of the person, marks the current one, and shows no token', async () => {
    const stack = await start()
    const first = await signInOverHttp(stack)
    const second = await signInOverHttp(stack)
    const other = await signInOverHttp(stack, 'grace')
    const sessions = await list(stack, second)
    expect(sessions).toHaveLength(2)
    expect(sessions.filter(({ current }) => current)).toHaveLength(1)
    expect(await list(stack, other)).toHaveLength(1)
    const text = JSON.stringify(sessions)
    for (const ticket of [first, second]) {
      const value = ticket.split('=')[1] ?? ''
      expect(text).not.toContain(value.slice(0, 22))
    }
  })

  it('T-SESSION-05 ends one, all others, or all, in every process at the next request', async () => {
    const stack = await start()
    const { address } = await startAnother(stack)
    const tickets = [
      await signInOverHttp(stack),
      await signInOverHttp(stack),
      await signInOverHttp(stack),
    ]
    const [one = '', two = '', three = ''] = tickets
    const state = async (ticket: string) => (await ask(stack, address, '/api/x', ticket)).status
    for (const ticket of tickets) expect(await state(ticket)).toBe(200)
    const firstId = (await list(stack, one)).find(({ current }) => current)?.session ?? ''
    const end = (query: string) =>
      ask(stack, stack.origin, `/auth/sessions/end?${query}`, two, 'POST')
    expect(await (await end(`session=${firstId}`)).json()).toEqual({ ended: 1 })
    expect([await state(one), await state(two), await state(three)]).toEqual([401, 200, 200])
    expect(await (await end('others')).json()).toEqual({ ended: 1 })
    expect([await state(two), await state(three)]).toEqual([200, 401])
    expect(await (await end('all')).json()).toEqual({ ended: 1 })
    expect(await state(two)).toBe(401)
  })

  it("T-SESSION-05 ends nobody else's session, nothing by GET, and nothing for another site", async () => {
    const stack = await start()
    const mine = await signInOverHttp(stack)
    const other = await signInOverHttp(stack, 'grace')
    const otherId = (await list(stack, other)).at(0)?.session ?? ''
    const path = `/auth/sessions/end?session=${otherId}`
    const answer = await ask(stack, stack.origin, path, mine, 'POST')
    expect(await answer.json()).toEqual({ ended: 0 })
    expect((await ask(stack, stack.origin, '/auth/sessions/end?all', mine)).status).toBe(405)
    const forged = await send(`${stack.origin}/auth/sessions/end?all`, {
      method: 'POST',
      headers: { cookie: mine, origin: 'https://evil.test' },
    })
    expect(forged.status).toBe(403)
    for (const query of ['', 'session=', 'session=short', 'all&others', 'session=AAAAAAAA&all']) {
      const unclear = await ask(stack, stack.origin, `/auth/sessions/end?${query}`, mine, 'POST')
      expect([unclear.status, query]).toEqual([400, query])
    }
    for (const ticket of [mine, other]) {
      expect((await apiCall(stack, ticket, '/api/x')).status).toBe(200)
    }
    const nobody = await ask(stack, stack.origin, '/auth/sessions', '')
    expect([nobody.status, await nobody.json()]).toMatchObject([401, { code: 'signed_out' }])
  })

  it('brings a plain form back to the page', async () => {
    const stack = await start()
    const ticket = await signInOverHttp(stack)
    const answer = await send(`${stack.origin}/auth/sessions/end?all`, {
      method: 'POST',
      headers: { cookie: ticket, origin: stack.origin, 'sec-fetch-mode': 'navigate' },
    })
    expect([answer.status, answer.headers.get('location')]).toEqual([303, `${stack.origin}/`])
  })
})

describe('/auth/events', () => {
  it('T-SESSION-05 tells that the session ended, and why, in this process and in another', async () => {
    const stack = await start()
    const { address } = await startAnother(stack)
    const one = await signInOverHttp(stack)
    const two = await signInOverHttp(stack)
    const here = listen(stack, stack.origin, one)
    const there = listen(stack, address, one)
    await Promise.all([here.opened, there.opened])
    await ask(stack, stack.origin, '/auth/sessions/end?others', two, 'POST')
    for (const stream of [here, there]) {
      expect(await stream.ended).toContain('event: ended\ndata: {"reason":"ended_by_user"}')
    }
  })

  it('is refused without a session, from another site, and without evidence', async () => {
    const stack = await start()
    const ticket = await signInOverHttp(stack)
    const nobody = listen(stack, stack.origin, '')
    await nobody.ended
    expect(nobody.status).toBe(401)
    const foreign = await send(`${stack.origin}/auth/events`, {
      headers: { cookie: ticket, 'sec-fetch-site': 'cross-site' },
    })
    const bare = await send(`${stack.origin}/auth/events`, { headers: { cookie: ticket } })
    expect([foreign.status, bare.status]).toEqual([403, 403])
  })

  it('T-SESSION-04 is no activity', async () => {
    const stack = await start({
      config: (base) => ({ ...base, sessions: { ...base.sessions, idleSeconds: 3 } }),
    })
    const ticket = await signInOverHttp(stack)
    const stream = listen(stack, stack.origin, ticket)
    await stream.opened
    expect(await stream.ended).toContain('idle_timeout')
    expect((await apiCall(stack, ticket, '/api/x')).status).toBe(401)
  })

  it('refuses the twenty-first stream of a session, and forgets those that left', async () => {
    const stack = await start()
    const ticket = await signInOverHttp(stack)
    const streams = Array.from({ length: 20 }, () => listen(stack, stack.origin, ticket))
    await Promise.all(streams.map(({ opened }) => opened))
    const surplus = listen(stack, stack.origin, ticket)
    await surplus.ended
    expect(surplus.status).toBe(429)
    for (const stream of streams) stream.leave()
    await Promise.all(streams.map(({ ended }) => ended))
    // The gateway hears a little later that they have left.
    const again = async (): Promise<number> => {
      const next = listen(stack, stack.origin, ticket)
      await Promise.race([next.opened, next.ended])
      next.leave()
      return next.status
    }
    await expect.poll(again, { timeout: 10_000 }).toBe(200)
  })

  it('does not keep a gateway from stopping', async () => {
    const stack = await start()
    const ticket = await signInOverHttp(stack)
    const stream = listen(stack, stack.origin, ticket)
    await stream.opened
    const began = performance.now()
    await stack.restart()
    await stream.ended
    expect(performance.now() - began).toBeLessThan(5000)
  })
})
