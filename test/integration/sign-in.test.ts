import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { send } from '../support/send.ts'
import {
  apiCall,
  beginSignIn,
  cookiesOf,
  finishSignIn,
  OWN_NAVIGATION,
  type Stack,
  signInOverHttp,
  startStack,
} from '../support/stack.ts'

let stack: Stack
const seen: Record<string, string | string[] | undefined>[] = []

beforeAll(async () => {
  stack = await startStack({
    upstream: (request, response) => {
      seen.push({ ...request.headers, url: request.url })
      response.setHeader('content-type', 'application/json').end('{"ok":true}')
    },
  })
})
afterAll(() => stack.close())

describe('sign-in', () => {
  it('T-COOKIE-01 sets the ticket with every attribute, and clears the transaction', async () => {
    const pending = await beginSignIn(stack, 'ada', '/account/?a=1#b')
    expect(pending.cookie).toMatch(/^__Host-Http-coatcheck-\d+-in-[0-9a-z]+\.[\w-]{16}=/)
    const answer = await finishSignIn(pending)
    expect(answer.status).toBe(303)
    expect(answer.headers.get('location')).toBe(`${stack.origin}/account/?a=1#b`)
    const [ticket, cleared] = answer.headers.getSetCookie()
    expect(ticket).toMatch(
      /^__Host-Http-coatcheck-\d+=[\w-]{64}; Path=\/; Secure; HttpOnly; SameSite=Strict$/,
    )
    expect(cleared).toMatch(
      /-in-[0-9a-z]+\.[\w-]{16}=; Path=\/; Max-Age=0; Secure; HttpOnly; SameSite=Lax$/,
    )
  })

  it('T-COOKIE-06 keeps the ticket out of every body and address, and answers out of caches', async () => {
    const pending = await beginSignIn(stack)
    const answer = await finishSignIn(pending)
    const value = cookiesOf(answer)[0]?.split('=')[1] ?? ''
    expect(value).toHaveLength(64)
    expect(await answer.text()).not.toContain(value)
    expect(answer.headers.get('location')).not.toContain(value)
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(stack.log()).not.toContain(value)
  })

  it('sends the API the token and nothing of the browser', async () => {
    const ticket = await signInOverHttp(stack)
    const answer = await apiCall(stack, ticket, '/api/orders?page=2')
    expect(answer.status).toBe(200)
    expect(answer.headers.getSetCookie()).toEqual([])
    const request = seen.at(-1)
    expect(request?.authorization).toMatch(/^Bearer ey/)
    expect(request?.cookie).toBeUndefined()
    expect(request?.['x-coatcheck']).toBeUndefined()
    expect(request?.url).toBe('/orders?page=2')
  })

  it('T-LOGIN-01 uses a transaction once', async () => {
    const pending = await beginSignIn(stack)
    expect((await finishSignIn(pending)).status).toBe(303)
    const again = await finishSignIn(pending)
    expect(again.status).toBe(400)
    expect(await again.text()).toContain('sign_in_expired')
  })

  it('T-LOGIN-01 refuses a callback without, with a foreign, or with a doubled transaction cookie', async () => {
    const mine = await beginSignIn(stack)
    const theirs = await beginSignIn(stack, 'grace')
    for (const cookie of [
      '',
      theirs.cookie,
      `${mine.cookie}; ${mine.cookie}`,
      mine.cookie.slice(0, -4),
    ]) {
      const answer = await finishSignIn({ ...mine, cookie })
      expect(answer.status, cookie.slice(0, 60)).toBe(400)
      expect(answer.headers.getSetCookie()).toEqual([])
      expect(await answer.text()).toContain('sign_in_unknown')
    }
    expect((await finishSignIn(mine)).status).toBe(303)
  })

  it('T-LOGIN-02 refuses an answer that bears another issuer, or none', async () => {
    for (const change of [
      (url: URL) => url.searchParams.set('iss', 'https://evil.test'),
      (url: URL) => url.searchParams.delete('iss'),
    ]) {
      const pending = await beginSignIn(stack)
      const url = new URL(pending.callbackUrl)
      change(url)
      const answer = await finishSignIn({ ...pending, callbackUrl: url.href })
      expect(answer.status).toBe(502)
      expect(cookiesOf(answer).some((cookie) => cookie.startsWith(`${stack.cookieName}=`))).toBe(
        false,
      )
    }
  })

  it('T-LOGIN-05 hops once, without a referrer, when the provider leads back', async () => {
    const pending = await beginSignIn(stack)
    const headers = { ...OWN_NAVIGATION, 'sec-fetch-site': 'none', cookie: pending.cookie }
    const answer = await send(pending.callbackUrl, { headers })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('referrer-policy')).toBe('no-referrer')
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(await answer.text()).toContain('location.replace')
    const url = `${pending.callbackUrl}&coatcheck-hop=1`
    expect((await finishSignIn({ ...pending, callbackUrl: url })).status).toBe(303)
  })

  it('caps the sign-ins under way and clears the oldest', async () => {
    const cookies: string[] = []
    for (let attempt = 0; attempt < 12; attempt += 1) {
      const answer = await send(`${stack.origin}/auth/sign-in?return=/`, {
        headers: { ...OWN_NAVIGATION, cookie: cookies.join('; ') },
      })
      for (const header of answer.headers.getSetCookie()) {
        const [pair = ''] = header.split(';')
        const name = pair.split('=')[0] ?? ''
        const at = cookies.findIndex((cookie) => cookie.startsWith(`${name}=`))
        if (header.includes('Max-Age=0')) cookies.splice(at, 1)
        else cookies.push(pair)
      }
    }
    expect(cookies.length).toBeLessThanOrEqual(6)
    expect(cookies.join('; ').length).toBeLessThan(4096)
  })

  it('takes a long return address along', async () => {
    const returnTo = `/account/?q=${'x'.repeat(3000)}`
    const answer = await finishSignIn(await beginSignIn(stack, 'ada', returnTo))
    expect(answer.headers.get('location')).toBe(stack.origin + returnTo)
  })

  it('T-LOGIN-04 refuses to lead elsewhere', async () => {
    for (const target of ['//evil.test', '/\\evil.test', 'https://evil.test', '/%09/evil.test']) {
      const answer = await send(
        `${stack.origin}/auth/sign-in?return=${encodeURIComponent(target)}`,
        { headers: OWN_NAVIGATION },
      )
      if (answer.status === 303)
        expect(new URL(answer.headers.get('location') ?? '').origin).toBe(stack.provider.issuer)
      else expect(answer.status, target).toBe(400)
    }
  })
})

describe('a second sign-in in the same browser', () => {
  it('T-SESSION-02 replaces the session of the same person and keeps the grant alive', async () => {
    const first = await signInOverHttp(stack)
    const second = await signInOverHttp(stack, 'ada', first)
    expect((await apiCall(stack, first, '/api/orders')).status).toBe(401)
    expect((await apiCall(stack, second, '/api/orders')).status).toBe(200)
    expect(stack.log()).toContain('"reason":"replaced"')
  })

  it("ends another person's session and revokes its refresh token", async () => {
    const ada = await signInOverHttp(stack, 'ada')
    const grace = await signInOverHttp(stack, 'grace', ada)
    expect((await apiCall(stack, ada, '/api/orders')).status).toBe(401)
    expect((await apiCall(stack, grace, '/api/orders')).status).toBe(200)
  })
})

describe('sign-out', () => {
  it('ends the session, deletes the ticket and goes on to the provider', async () => {
    const ticket = await signInOverHttp(stack)
    const answer = await send(`${stack.origin}/auth/sign-out`, {
      method: 'POST',
      headers: { ...OWN_NAVIGATION, origin: stack.origin, cookie: ticket },
    })
    expect(answer.status).toBe(303)
    const location = new URL(answer.headers.get('location') ?? '')
    expect(location.origin).toBe(stack.provider.issuer)
    expect(location.searchParams.get('post_logout_redirect_uri')).toBe(`${stack.origin}/`)
    expect(answer.headers.getSetCookie()[0]).toContain(`${stack.cookieName}=; Path=/; Max-Age=0`)
    expect((await apiCall(stack, ticket, '/api/orders')).status).toBe(401)
  })

  it('gives a script no token: not even the hint', async () => {
    const ticket = await signInOverHttp(stack)
    const answer = await send(`${stack.origin}/auth/sign-out`, {
      method: 'POST',
      headers: { 'sec-fetch-mode': 'cors', origin: stack.origin, cookie: ticket },
    })
    expect(await answer.json()).toEqual({ state: 'signed_out' })
  })

  it('T-GUARD-05 is possible by no GET and from no other site', async () => {
    const ticket = await signInOverHttp(stack)
    expect(
      (
        await send(`${stack.origin}/auth/sign-out`, {
          headers: { ...OWN_NAVIGATION, cookie: ticket },
        })
      ).status,
    ).toBe(405)
    for (const origin of ['null', 'https://evil.test', stack.provider.issuer]) {
      const answer = await send(`${stack.origin}/auth/sign-out`, {
        method: 'POST',
        headers: { origin, cookie: ticket },
      })
      expect(answer.status).toBe(403)
    }
    expect((await apiCall(stack, ticket, '/api/orders')).status).toBe(200)
  })
})

describe('bad cookies', () => {
  it('are signed out, never an error, and never cleared', async () => {
    const ticket = await signInOverHttp(stack)
    const value = ticket.split('=')[1] ?? ''
    const flipped = value.slice(0, 30) + (value[30] === 'A' ? 'B' : 'A') + value.slice(31)
    const bad = [
      '',
      'x',
      'A'.repeat(64),
      flipped,
      `${value}A`,
      value.slice(1),
      '%',
      '"',
      '__proto__',
    ]
    for (const candidate of bad) {
      const answer = await apiCall(stack, `${stack.cookieName}=${candidate}`, '/api/orders')
      expect(answer.status, candidate).toBe(401)
      expect(((await answer.json()) as { code: string }).code).toBe('signed_out')
      expect(answer.headers.getSetCookie()).toEqual([])
    }
    const twins = await apiCall(stack, `${ticket}; ${ticket}`, '/api/orders')
    expect(twins.status).toBe(401)
    expect(stack.log()).toContain('"reason":"twins"')
  })

  it('T-SESSION-01 are refused when they have the right id and another secret', async () => {
    const ticket = await signInOverHttp(stack)
    const forged = `${ticket.slice(0, -40)}${'A'.repeat(40)}`
    expect((await apiCall(stack, forged, '/api/orders')).status).toBe(401)
    expect((await apiCall(stack, ticket, '/api/orders')).status).toBe(200)
  })
})

describe('the session address', () => {
  it('says who and until when, and nothing that opens anything', async () => {
    const ticket = await signInOverHttp(stack)
    const answer = await apiCall(stack, ticket, '/auth/session')
    const body = (await answer.json()) as Record<string, unknown>
    expect(body.state).toBe('signed_in')
    expect(body.claims).toMatchObject({ sub: 'u-ada-1815', email: 'ada@users.example' })
    expect(JSON.stringify(body)).not.toMatch(/ey[A-Za-z0-9_-]{10,}\.|nonce|at_hash/)
    const foreign = await send(`${stack.origin}/auth/session`, {
      headers: { 'sec-fetch-site': 'cross-site', cookie: ticket },
    })
    expect(foreign.status).toBe(403)
  })

  it('T-SESSION-04 never counts as activity', async () => {
    const ticket = await signInOverHttp(stack)
    const ends = async () =>
      ((await (await apiCall(stack, ticket, '/auth/session')).json()) as { idleEndsAt: number })
        .idleEndsAt
    expect(await ends()).toBe(await ends())
  })
})

describe('a foreign Host', () => {
  it('gets 421, from the gateway and the provider alike', async () => {
    const { request } = await import('node:http')
    const status = (port: number, host: string): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        request({ host: '127.0.0.1', port, path: '/auth/health', headers: { host } }, (answer) => {
          answer.resume()
          resolve(answer.statusCode)
        })
          .on('error', reject)
          .end()
      })
    const providerPort = Number(new URL(stack.provider.issuer).port)
    for (const host of [
      'evil.test',
      `evil.test:${stack.port}`,
      'localhost',
      `localhost.:${stack.port}`,
      `127.0.0.1:${stack.port}`,
    ]) {
      expect(await status(stack.port, host), host).toBe(421)
    }
    expect(await status(stack.port, `localhost:${stack.port}`)).toBe(200)
    expect(await status(providerPort, 'evil.test')).toBe(421)
  })
})
