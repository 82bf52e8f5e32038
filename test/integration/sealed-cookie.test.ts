import type { RequestListener } from 'node:http'
import { requestTokens } from '@coatcheck/dev'
import { type Gateway, startGateway } from '@coatcheck/gateway'
import { afterEach, describe, expect, it } from 'vitest'
import { freePort } from '../support/dev-process.ts'
import { send } from '../support/send.ts'
import {
  apiCall,
  type Stack,
  type StackOptions,
  signInOverHttp,
  startStack,
} from '../support/stack.ts'

const open: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

type SessionsConfig = NonNullable<Stack['config']['sessions']>

/** A gateway whose sessions lie in cookies. */
async function start(
  sessions: Partial<SessionsConfig> = {},
  options: StackOptions = {},
): Promise<Stack> {
  const stack = await startStack({
    ...options,
    config: (base) => ({ ...base, sessions: { kind: 'sealed-cookie', ...sessions } }),
  })
  open.push(() => stack.close())
  return stack
}

/** A second process of the site, with the same ring. */
async function startAnother(stack: Stack): Promise<string> {
  const port = await freePort()
  const gateway: Gateway = await startGateway({ ...stack.config, listen: { port } })
  open.push(() => gateway.close())
  return `http://localhost:${port}`
}

/** A request of one of the stack's pages, to whichever process. */
function ask(stack: Stack, address: string, path: string, cookie: string, method = 'GET') {
  const headers = {
    host: new URL(stack.origin).host,
    cookie,
    'x-coatcheck': '1',
    'sec-fetch-site': 'same-origin',
    'sec-fetch-mode': 'cors',
    ...(method === 'POST' ? { origin: stack.origin } : {}),
  }
  return send(`${address}${path}`, { method, headers })
}

/** Says what reaches it: which cookies, and whether the provider knows the token. */
function askingUpstream(providerOf: () => Stack['provider']): RequestListener {
  return async (request, response) => {
    const token = request.headers.authorization?.replace(/^Bearer /, '') ?? ''
    const parameters = { token, token_type_hint: 'access_token' }
    const answer = await requestTokens(providerOf(), parameters, '/token/introspection')
    const { active } = (await answer.json()) as { readonly active: boolean }
    response.writeHead(active ? 200 : 401)
    response.end(JSON.stringify({ active, cookie: request.headers.cookie ?? '' }))
  }
}

describe('a gateway whose sessions lie in cookies', () => {
  it('signs in, calls the API and signs out, with one HttpOnly cookie and nothing on its side', async () => {
    let provider: Stack['provider'] | undefined
    const upstream = askingUpstream(() => provider as Stack['provider'])
    const stack = await start({}, { upstream, accessTokenFormat: 'opaque' })
    provider = stack.provider
    const cookie = await signInOverHttp(stack)
    const session = await (await apiCall(stack, cookie, '/auth/session')).json()
    expect(session).toMatchObject({ state: 'signed_in', claims: { name: 'Ada Lovelace' } })
    const call = await apiCall(stack, `${cookie}; theme=dark`, '/api/orders')
    expect(await call.json()).toEqual({ active: true, cookie: '' })
    expect(call.headers.getSetCookie()).toEqual([])
    // Another process, and one that was started again, take it as well.
    expect((await ask(stack, await startAnother(stack), '/api/orders', cookie)).status).toBe(200)
    await stack.restart()
    expect((await apiCall(stack, cookie, '/api/orders')).status).toBe(200)
    const out = await ask(stack, stack.origin, '/auth/sign-out', cookie, 'POST')
    expect(out.headers.getSetCookie()).toEqual([
      `${stack.cookieName}=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict`,
    ])
  })

  it('T-SEAL-04 a copy after sign-out: refused here, and by the API wherever it opens', async () => {
    let provider: Stack['provider'] | undefined
    const upstream = askingUpstream(() => provider as Stack['provider'])
    const stack = await start({}, { upstream, accessTokenFormat: 'opaque' })
    provider = stack.provider
    const elsewhere = await startAnother(stack)
    const copy = await signInOverHttp(stack)
    expect((await ask(stack, elsewhere, '/api/orders', copy)).status).toBe(200)
    await ask(stack, stack.origin, '/auth/sign-out', copy, 'POST')
    expect((await ask(stack, stack.origin, '/api/orders', copy)).status).toBe(401)
    const session = await ask(stack, elsewhere, '/auth/session', copy)
    // The limit: this process cannot know.
    expect(await session.json()).toMatchObject({ state: 'signed_in' })
    const call = await ask(stack, elsewhere, '/api/orders', copy)
    expect([call.status, await call.json()]).toEqual([401, { active: false, cookie: '' }])
    expect(stack.log()).toContain('copies_outlive_sign_out')
  })

  it('T-SEAL-03 answers what is tampered with, foreign, unknown and absent with the same bytes', async () => {
    const [stack, foreign] = [await start(), await start()]
    const cookie = await signInOverHttp(stack)
    const other = await signInOverHttp(foreign)
    const value = cookie.slice(cookie.indexOf('=') + 1)
    const [name] = cookie.split('=')
    const values = [
      `${value.slice(0, -9)}AAAAAAAA${value.at(-1)}`,
      other.slice(other.indexOf('=') + 1),
      value.slice(0, 200),
      `AQ${'A'.repeat(300)}`,
      'x',
    ]
    const answers = await Promise.all(
      [...values.map((each) => `${name}=${each}`), 'nothing=1'].map(async (header) => {
        const answer = await apiCall(stack, header, '/api/orders')
        const headers = [...answer.headers].filter(([key]) => key !== 'date')
        return JSON.stringify([answer.status, headers, await answer.text()])
      }),
    )
    expect(answers[0]).toContain('[401,')
    expect(answers[0]).toContain('signed_out')
    expect(new Set(answers).size).toBe(1)
    for (const reason of ['tampered', 'unknown_key', 'malformed']) {
      expect(stack.log()).toContain(`"reason":"${reason}"`)
    }
    expect(stack.log()).not.toContain(value.slice(0, 40))
  })

  it('T-SEAL-05 does not start with offline_access, unless one process is promised', async () => {
    const scope = 'openid offline_access'
    const withScope = (base: Stack['config']) => ({
      ...base,
      provider: { ...base.provider, scope },
    })
    const refused = startStack({
      config: (base) => withScope({ ...base, sessions: { kind: 'sealed-cookie' } }),
    })
    await expect(refused).rejects.toThrow(/signIn\.scope \(offline_access\).*single-process/)
    const stack = await start({ refreshTokens: 'single-process' })
    expect(stack.log()).toContain('single_process')
  })

  it('T-SEAL-05 T-RENEW-01 renews once for twenty calls, at a provider that revokes what is used twice', async () => {
    const asked: string[] = []
    const stack = await start(
      { refreshTokens: 'single-process' },
      {
        accessTokenSeconds: 4,
        upstream: (request, response) => void response.end(request.headers.authorization),
        tokenHooks: { onTokenRequest: ({ grantType }) => void asked.push(grantType) },
      },
    )
    let cookie = await signInOverHttp(stack)
    const tokens = new Set<string>()
    for (let round = 0; round < 3; round += 1) {
      const first = await (await apiCall(stack, cookie, '/api/orders')).text()
      tokens.add(first)
      // Renewal is due after half of the four seconds.
      await expect
        .poll(
          async () => {
            const calls = await Promise.all(
              Array.from({ length: 20 }, () => apiCall(stack, cookie, '/api/orders')),
            )
            expect(calls.map(({ status }) => status)).toEqual(Array(20).fill(200))
            const seen = new Set(await Promise.all(calls.map((call) => call.text())))
            const set = new Set(calls.flatMap((call) => call.headers.getSetCookie()))
            if (seen.has(first) || seen.size !== 1) return false
            expect(set.size).toBe(1)
            cookie = [...set][0]?.split(';')[0] ?? ''
            return true
          },
          { timeout: 10_000, interval: 100 },
        )
        .toBe(true)
    }
    expect(asked.filter((grantType) => grantType === 'refresh_token')).toHaveLength(3)
    expect(tokens.size).toBe(3)
  })

  it('lists nothing and ends nothing elsewhere, and says so instead', async () => {
    const stack = await start()
    const cookie = await signInOverHttp(stack)
    for (const [path, method] of [
      ['/auth/sessions', 'GET'],
      ['/auth/sessions/end?all', 'POST'],
    ] as const) {
      const answer = await ask(stack, stack.origin, path, cookie, method)
      expect(answer.status).toBe(501)
      expect(await answer.json()).toMatchObject({
        type: '/auth/errors#sessions_not_listed',
      })
    }
    expect(stack.log()).toContain('no_sign_out_everywhere')
  })

  it('T-COOKIE-05 warns before the Cookie header is too large, and refuses with a code when it is', async () => {
    const stack = await startStack({
      config: (base) => ({
        ...base,
        sessions: { kind: 'sealed-cookie' },
        cookie: { headerBudgetBytes: 4096 },
      }),
    })
    open.push(() => stack.close())
    const { length } = await signInOverHttp(stack)
    expect(stack.log()).not.toContain('cookies.near_limit')
    await signInOverHttp(stack, 'ada', `other=${'x'.repeat(3200 - length)}`)
    expect(stack.log()).toContain('cookies.near_limit')
    const tooMuch = signInOverHttp(stack, 'ada', `other=${'x'.repeat(4000)}`)
    await expect(tooMuch).rejects.toThrow(/cookie_too_large/)
  })
})
