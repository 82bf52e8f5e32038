import { writeFileSync } from 'node:fs'
import type { IncomingHttpHeaders, RequestListener, Server } from 'node:http'
import { join } from 'node:path'
import { TEST_USERS } from '@coatcheck/dev'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type * as SessionClientModule from '../../packages/coatcheck/src/session-client.ts'
import { launchChromium, typePassword } from '../support/browser.ts'
import { placeSessionPage, putTicket } from '../support/session-page.ts'
import { listen, type Stack, signInOverHttp, startStack } from '../support/stack.ts'

const PAGE = '<!doctype html><title>page</title><script type="module" src="/page.js"></script>'
// A base that leads elsewhere: what the client asks for is of this origin all the same.
const BASED = PAGE.replace('<title>', '<base href="https://cdn.test/"><title>')
const SCRIPT = `import * as library from '/client.js'
window.library = library
window.counter = library.createSessionClient()
`

declare global {
  interface Window {
    library: typeof SessionClientModule
    counter: SessionClientModule.SessionClient
  }
}

let stack: Stack
let browser: Browser
let context: BrowserContext
let page: Page
let elsewhere: { readonly server: Server; readonly port: number }
let carried: IncomingHttpHeaders[]

const upstream: RequestListener = (request, response) => {
  const { pathname } = new URL(request.url ?? '/', 'http://upstream.test')
  if (pathname === '/away') {
    response.writeHead(302, { location: `http://127.0.0.1:${elsewhere.port}/` }).end()
  } else if (pathname === '/problem') {
    response.writeHead(409, { 'content-type': 'application/problem+json' })
    response.end(JSON.stringify({ type: 'https://api.test/problems', code: 'signed_out' }))
  } else if (pathname === '/broken') {
    response.writeHead(500, { 'content-type': 'application/problem+json' }).end('{"code":')
  } else if (pathname === '/drip') {
    response.write('first')
    request.on('close', () => response.end())
  } else {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { method, headers } = request
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ method, headers, body: Buffer.concat(chunks).toString() }))
    })
  }
}

beforeAll(async () => {
  browser = await launchChromium()
  elsewhere = await listen((request, response) => {
    if (request.method !== 'OPTIONS') carried.push(request.headers)
    response.setHeader('access-control-allow-origin', request.headers.origin ?? '*')
    response.setHeader('access-control-allow-headers', 'x-coatcheck')
    response.end('elsewhere')
  })
  stack = await startStack({
    upstream,
    config: (base) => ({
      ...base,
      sessions: { ...base.sessions, remembered: { idleSeconds: 86_400 } },
    }),
  })
  const based = BASED.replace('"/page', `"${stack.origin}/page`)
  writeFileSync(join(stack.folder, 'pages/based.html'), based)
  await placeSessionPage(stack, 'page', SCRIPT, PAGE)
})
afterAll(async () => {
  await browser?.close()
  await stack?.close()
  elsewhere?.server.close()
})
beforeEach(async () => {
  context = await browser.newContext()
  page = await context.newPage()
  carried = []
})
afterEach(() => context.close())

async function signIn(): Promise<void> {
  await putTicket(context, stack, await signInOverHttp(stack))
}

async function open(path = '/page.html'): Promise<void> {
  await page.goto(`${stack.origin}${path}`)
  await page.waitForFunction(() => 'counter' in window)
}

// Pages that are not the gateway's may have no content security policy, or a weaker one.
async function withoutPolicy(): Promise<void> {
  await context.close()
  context = await browser.newContext({ bypassCSP: true })
  page = await context.newPage()
}

const CAUGHT = `
  window.caught = (work) => work().then(
    async (answer) => ({ status: answer.status, text: await answer.text() }),
    (error) => ({ name: error.name, code: error.code, status: error.status }),
  )`

function fetched(input: string): Promise<Record<string, unknown>> {
  return page.evaluate(`${CAUGHT}; caught(() => counter.fetch(${input}))`)
}

describe('fetch of the session client, in Chromium', () => {
  beforeEach(async () => {
    await signIn()
    await open()
  })

  it('takes what fetch takes', async () => {
    const inputs = [
      "'/api/echo'",
      "'api/echo'",
      "location.origin + '/api/echo'",
      "new URL('/api/echo', location.href)",
      "new Request('/api/echo')",
    ]
    for (const input of inputs) expect(await fetched(input), input).toMatchObject({ status: 200 })
  })

  it('sends what a Request holds: method, headers, body; and options over it', async () => {
    const request = `new Request('/api/echo', { method: 'PUT', headers: { 'x-a': '1' }, body: new Blob(['hello']) })`
    const first = JSON.parse(String((await fetched(request)).text))
    expect(first).toMatchObject({ method: 'PUT', body: 'hello', headers: { 'x-a': '1' } })
    const options = `{ method: 'POST', headers: [['x-b', '2']], body: new URLSearchParams({ c: '3' }) }`
    const second = JSON.parse(String((await fetched(`'/api/echo', ${options}`)).text))
    expect(second).toMatchObject({ method: 'POST', body: 'c=3', headers: { 'x-b': '2' } })
    expect(second.headers['content-type']).toMatch('application/x-www-form-urlencoded')
  })

  it('gives the body on as it comes', async () => {
    const chunk = await page.evaluate(async () => {
      const stopping = new AbortController()
      const answer = await window.counter.fetch('/api/drip', { signal: stopping.signal })
      const { value } = (await answer.body?.getReader().read()) ?? {}
      stopping.abort()
      return new TextDecoder().decode(value)
    })
    expect(chunk).toBe('first')
  })

  it('refuses every other origin, before anything is sent', async () => {
    const inputs = [
      "'//evil.test/api'",
      String.raw`'/\\evil.test/api'`,
      "'http://localhost:1/api'",
      "'https://' + location.host + '/api'",
      "'http://localhost.evil.test/api'",
      "'javascript:alert(1)'",
      "'data:text/plain,hello'",
      "URL.createObjectURL(new Blob(['hello']))",
      "new Request('https://evil.test/api')",
      "new URL('https://evil.test/api')",
    ]
    const asked: string[] = []
    page.on('request', (request) => asked.push(request.url()))
    const refused = { name: 'SessionClientError', code: 'cross_site_refused', status: 0 }
    for (const input of inputs) expect(await fetched(input), input).toEqual(refused)
    const withPassword = "'http://a:b@' + location.host + '/api/echo'"
    expect(await fetched(withPassword)).toMatchObject({ name: 'TypeError' })
    expect(asked).toEqual([])
  })

  it('keeps the cookie from another origin that an API redirects to; what goes along is no secret', async () => {
    // Our own pages may not even ask another origin.
    expect(await fetched("'/api/away'")).toMatchObject({ name: 'TypeError' })
    expect(carried).toEqual([])
    await withoutPolicy()
    await signIn()
    await open()
    expect(await fetched("'/api/away'")).toEqual({ status: 200, text: 'elsewhere' })
    expect(carried).toHaveLength(1)
    expect(carried[0]).toMatchObject({ 'x-coatcheck': '1' })
    expect(carried[0]).not.toHaveProperty('cookie')
    expect(carried[0]).not.toHaveProperty('authorization')
  })

  it('throws what the counter refuses, and gives back what the API answers', async () => {
    const text = expect.stringContaining('api.test')
    expect(await fetched("'/api/problem'")).toEqual({ status: 409, text })
    expect(await fetched("'/api/broken'")).toEqual({ status: 500, text: '{"code":' })
    await context.clearCookies()
    expect(await fetched("'/api/echo'")).toEqual({
      name: 'SessionClientError',
      code: 'signed_out',
      status: 401,
    })
    expect(await fetched("'/api/echo', { method: 'HEAD' }")).toEqual({ status: 401, text: '' })
  })

  it('stays with this origin where a base leads elsewhere', async () => {
    await withoutPolicy()
    await signIn()
    await open('/based.html')
    expect(await page.evaluate(() => document.baseURI)).toBe('https://cdn.test/')
    expect(await fetched("'/api/echo'")).toMatchObject({ status: 200 })
    expect(await page.evaluate(async () => (await window.counter.session()).state)).toBe(
      'signed_in',
    )
  })
})

describe('secondsUntil, in Chromium', () => {
  it.each([
    ['right', 0],
    ['three hours fast', 3 * 3_600_000],
    ['a day slow', -86_400_000],
  ])('counts by the server’s clock on a page whose clock is %s', async (_, offMs) => {
    await page.clock.install({ time: Date.now() + offMs })
    await signIn()
    await open()
    const read = () =>
      page.evaluate(async () => {
        const state = await window.counter.session()
        if (state.state !== 'signed_in') throw new Error('signed out')
        const { idleEndsAt, absoluteEndsAt } = state
        return [idleEndsAt, absoluteEndsAt, 0].map((time) => window.counter.secondsUntil(time))
      })
    const [idle = 0, absolute = 0, over] = await read()
    expect(idle).toBeGreaterThan(1790)
    expect(idle).toBeLessThanOrEqual(1800)
    expect(absolute).toBeGreaterThan(43_190)
    expect(absolute).toBeLessThanOrEqual(43_200)
    expect(over).toBe(0)
  })
})

describe('signIn and signOut, in Chromium', () => {
  async function addressAfter(call: string): Promise<string> {
    const [request] = await Promise.all([
      page.waitForRequest((candidate) => candidate.url().includes('/auth/sign-in')),
      page.evaluate(call),
    ])
    const { pathname, search } = new URL(request.url())
    return pathname + search
  }

  it('comes back to this page, or to another of this origin', async () => {
    await open('/page.html?a=1&b=2#top')
    await page.evaluate(() => window.counter.signIn())
    const { origin, provider } = stack
    const ready = { origin, provider: provider.issuer, api: '', users: TEST_USERS }
    await typePassword(page, ready, 'ada')
    await page.waitForURL(`${stack.origin}/page.html?a=1&b=2#top`)
    await page.waitForFunction(() => 'counter' in window)
    expect(await addressAfter("counter.signIn({ returnTo: '/account/?c=3' })")).toBe(
      '/auth/sign-in?return=%2Faccount%2F%3Fc%3D3',
    )
  })

  it('asks to stay signed in, and for another person', async () => {
    await open()
    const call = "counter.signIn({ returnTo: '/', remember: true, prompt: 'select_account' })"
    expect(await addressAfter(call)).toBe(
      '/auth/sign-in?return=%2F&remember=1&prompt=select_account',
    )
  })

  it('T-LOGIN-04 does not come back to another origin', async () => {
    await open()
    const addresses = [
      'https://evil.test/',
      '//evil.test/',
      String.raw`/\evil.test/`,
      'javascript:alert(1)',
      'data:text/html,x',
    ]
    const codes = await page.evaluate(
      (all) =>
        all.map((returnTo) => {
          try {
            window.counter.signIn({ returnTo })
            return 'went'
          } catch (error) {
            return error instanceof window.library.SessionClientError ? error.code : String(error)
          }
        }),
      addresses,
    )
    expect(codes).toEqual(addresses.map(() => 'return_address_refused'))
  })

  it('T-LOGIN-04 leaves what only looks like a path to the server, which refuses it', async () => {
    await open()
    await page.evaluate(() => window.counter.signIn({ returnTo: '/.//evil.test/' }))
    await page.getByText('return_address_refused').waitFor()
  })

  it('signs out, wherever a base leads', async () => {
    await withoutPolicy()
    await signIn()
    await open('/based.html')
    const ended = page.waitForRequest((request) => request.url().endsWith('/auth/sign-out'))
    await page.evaluate(() => window.counter.signOut())
    expect((await ended).method()).toBe('POST')
    await page.waitForURL((url) => url.pathname === '/')
    await open()
    expect(await page.evaluate(async () => (await window.counter.session()).state)).toBe(
      'signed_out',
    )
  })
})

describe('createSessionClient, where there is no page', () => {
  it('is imported and made without one', async () => {
    expect('window' in globalThis || 'document' in globalThis || 'location' in globalThis).toBe(
      false,
    )
    const { createSessionClient, warnBeforeEnd } = await import(
      '../../packages/coatcheck/src/session-client.ts'
    )
    const counter = createSessionClient()
    expect(counter.secondsUntil(Date.now() + 1500)).toBe(2)
    // @ts-expect-error the page's own question, not anybody's: there is no address to give
    void (() => counter.session('https://evil.test'))
    // @ts-expect-error sign-out leads where the server says
    void (() => counter.signOut({ returnTo: '/' }))
    // @ts-expect-error of `prompt`, `none` is no way for a person to sign in
    void (() => counter.signIn({ prompt: 'none' }))
    // @ts-expect-error a state of nobody has no end
    void (() => counter.session().then((state) => counter.secondsUntil(state.idleEndsAt)))
    for (const seconds of [0, -1, Number.NaN]) {
      expect(() => warnBeforeEnd(counter, () => {}, { seconds })).toThrow(RangeError)
    }
  })
})
