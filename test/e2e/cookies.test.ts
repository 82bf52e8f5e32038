import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { callApi, launchChromium, signIn, ticketOf } from '../support/browser.ts'
import {
  type DevProcess,
  freePort,
  startDevProcess,
  temporaryFolder,
} from '../support/dev-process.ts'

const data = temporaryFolder()
let dev: DevProcess
let browser: Browser
let context: BrowserContext
let page: Page
let evil: Server
let evilOrigin: string

beforeAll(async () => {
  dev = await startDevProcess(data.path, await freePort())
  browser = await launchChromium(['--host-resolver-rules=MAP *.test 127.0.0.1'])
  evil = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://evil.test')
    const status = Number(url.searchParams.get('redirect') ?? 0)
    if (status !== 0) {
      response
        .writeHead(status, {
          location: url.searchParams.get('to') ?? '',
          'referrer-policy': 'no-referrer',
        })
        .end()
      return
    }
    response
      .writeHead(200, {
        'content-type': 'text/html',
        'set-cookie': '__Host-Http-coatcheck=planted; Path=/; Secure; HttpOnly',
      })
      .end('<!doctype html><title>evil</title><body>')
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => evil.once('listening', resolve))
  evilOrigin = `http://evil.test:${(evil.address() as AddressInfo).port}`
})
beforeEach(async () => {
  context = await browser.newContext()
  page = await context.newPage()
  await signIn(page, dev)
})
afterEach(() => context.close())
afterAll(async () => {
  await browser?.close()
  await dev?.stop()
  evil?.close()
  data.remove()
})

const account = () => page.getByRole('heading', { name: 'Account' }).waitFor()

describe('the ticket in Chromium', () => {
  it('T-COOKIE-01 cannot be read, overwritten or planted by script', async () => {
    const before = await ticketOf(context)
    const name = `__Host-Http-coatcheck-${new URL(dev.origin).port}`
    const seen = await page.evaluate(async (cookie) => {
      const spellings = [cookie, cookie.toUpperCase(), cookie.replace('Host', 'hOsT')]
      for (const spelling of spellings) {
        // biome-ignore lint/suspicious/noDocumentCookie: the attack is what is tested
        document.cookie = `${spelling}=planted; Path=/; Secure; SameSite=Strict`
        // biome-ignore lint/suspicious/noDocumentCookie: a nameless cookie that imitates one
        document.cookie = `=${spelling}=planted; Path=/; Secure`
      }
      return document.cookie
    }, name)
    expect(seen).not.toContain(name)
    expect(await ticketOf(context)).toBe(before)
    expect((await callApi(page)).status).toBe(200)
  })

  it('T-COOKIE-01 is not taken from a plain http site of another name', async () => {
    await page.goto(`${evilOrigin}/`)
    const cookies = await context.cookies(evilOrigin)
    expect(cookies).toEqual([])
  })

  it('T-COOKIE-02 comes along by our own links and reloads, and by a foreign link after the hop', async () => {
    await page.goto(`${dev.origin}/`)
    await page.evaluate(() => location.assign('/account/'))
    await account()
    await page.reload()
    await account()
    await page.goto(evilOrigin)
    await page.evaluate((to) => {
      document.body.innerHTML = `<a href="${to}">go</a>`
    }, `${dev.origin}/account/`)
    await page.getByText('go').click()
    await account()
    expect(page.url()).toBe(`${dev.origin}/account/`)
  })

  it('T-COOKIE-03 comes along after foreign 302 redirects without a referrer', async () => {
    const to = `${dev.origin}/account/?a=b#c`
    await page.goto(`${evilOrigin}/?redirect=302&to=${encodeURIComponent(to)}`)
    await account()
    expect(page.url()).toBe(to)
  })

  it('T-COOKIE-02 does not serve a foreign form, frame, or 307', async () => {
    const before = await ticketOf(context)
    await page.goto(evilOrigin)
    await page.evaluate((to) => {
      document.body.innerHTML = `<form method="post" action="${to}"><button>post</button></form>`
    }, `${dev.origin}/auth/sign-out`)
    await Promise.all([page.waitForNavigation(), page.getByText('post').click()])
    expect(page.url()).toBe(`${dev.origin}/auth/sign-out`)
    await page.getByText('cross_site_refused').waitFor()
    await page.goto(evilOrigin)
    await page.evaluate((to) => {
      document.body.innerHTML = `<form method="post" action="/?redirect=307&to=${encodeURIComponent(to)}"><button>post</button></form>`
    }, `${dev.origin}/auth/sign-out`)
    await Promise.all([page.waitForNavigation(), page.getByText('post').click()])
    await page.getByText('cross_site_refused').waitFor()
    await page.goto(evilOrigin)
    const framed = await page.evaluate((to) => {
      return new Promise<string>((resolve) => {
        const frame = document.createElement('iframe')
        frame.onload = () => {
          try {
            resolve(frame.contentDocument === null ? 'closed' : 'open')
          } catch {
            resolve('closed')
          }
        }
        frame.src = to
        document.body.append(frame)
      })
    }, `${dev.origin}/account/`)
    expect(framed).toBe('closed')
    expect(
      page
        .frames()
        .map((frame) => frame.url())
        .filter((url) => url.startsWith(`${dev.origin}/account/?coatcheck-hop`)),
    ).toEqual([])
    expect(await ticketOf(context)).toBe(before)
    await page.goto(dev.origin)
    expect((await callApi(page)).status).toBe(200)
  })

  it('T-COOKIE-02 gives a foreign fetch, image, script, socket and event stream nothing', async () => {
    await page.goto(evilOrigin)
    const got = await page.evaluate(async (origin) => {
      const results: string[] = []
      for (const init of [
        {},
        { credentials: 'include' as const },
        { mode: 'no-cors' as const, credentials: 'include' as const },
      ]) {
        results.push(
          await fetch(`${origin}/api/orders`, init).then(
            (answer) => answer.type,
            () => 'blocked',
          ),
        )
      }
      const loads = (make: () => HTMLElement): Promise<string> =>
        new Promise((resolve) => {
          const element = make()
          element.onload = () => resolve('loaded')
          element.onerror = () => resolve('failed')
          document.body.append(element)
        })
      results.push(await loads(() => Object.assign(new Image(), { src: `${origin}/api/orders` })))
      results.push(
        await loads(() =>
          Object.assign(document.createElement('script'), { src: `${origin}/auth/session` }),
        ),
      )
      results.push(
        await new Promise((resolve) => {
          const socket = new WebSocket(`${origin.replace('http', 'ws')}/api/socket`)
          socket.onopen = () => resolve('open')
          socket.onerror = () => resolve('failed')
        }),
      )
      results.push(
        await new Promise((resolve) => {
          const source = new EventSource(`${origin}/api/events`, { withCredentials: true })
          source.onopen = () => resolve('open')
          source.onerror = () => resolve('failed')
        }),
      )
      return results
    }, dev.origin)
    expect(got).toEqual(['blocked', 'blocked', 'opaque', 'failed', 'failed', 'failed', 'failed'])
  })
})

describe('a page of ours', () => {
  it('uses a WebSocket, an event stream, an upload and a download through the proxy', async () => {
    await page.goto(dev.origin)
    const said = await page.evaluate(
      () =>
        new Promise<string>((resolve, reject) => {
          const socket = new WebSocket(`${location.origin.replace('http', 'ws')}/api/socket`)
          socket.onopen = () => socket.send('hello')
          socket.onmessage = ({ data }) => resolve(String(data))
          socket.onerror = () => reject(new Error('refused'))
        }),
    )
    expect(said).toContain('hello')
    const event = await page.evaluate(
      () =>
        new Promise<string>((resolve, reject) => {
          const source = new EventSource('/api/events')
          source.onopen = () => {
            source.close()
            resolve('open')
          }
          source.onerror = () => reject(new Error('refused'))
        }),
    )
    expect(event).toBe('open')
    const upload = await page.evaluate(async () => {
      const body = new Blob(['x'.repeat(1_000_000)])
      return (
        await fetch('/api/echo', { method: 'POST', body, headers: { 'x-coatcheck': '1' } })
      ).json()
    })
    expect(JSON.stringify(upload)).toContain('1000000')
    await page.evaluate(() => {
      document.body.innerHTML = '<a href="/api/download/report.csv">report</a>'
    })
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByText('report').click(),
    ])
    expect(download.suggestedFilename()).toMatch(/\.csv$/)
  })

  it('T-PROXY-03 is never shown an API answer as a document', async () => {
    await page.goto(`${dev.origin}/api/orders`)
    await page.getByText('destination_refused').waitFor()
  })
})
