import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { callApi, launchChromium, signIn, ticketOf, typePassword } from '../support/browser.ts'
import {
  type DevProcess,
  freePort,
  startDevProcess,
  temporaryFolder,
} from '../support/dev-process.ts'

const data = temporaryFolder()
let port: number
let dev: DevProcess
let browser: Browser
let context: BrowserContext
let page: Page

beforeAll(async () => {
  port = await freePort()
  dev = await startDevProcess(data.path, port)
  browser = await launchChromium(['--host-resolver-rules=MAP *.test 127.0.0.1'])
})
beforeEach(async () => {
  context = await browser.newContext()
  page = await context.newPage()
})
afterEach(() => context.close())
afterAll(async () => {
  await browser?.close()
  await dev?.stop()
  data.remove()
})

describe('the counter in Chromium', () => {
  it('signs in, calls the API, survives a restart, signs out, and is refused', async () => {
    await signIn(page, dev)
    expect((await callApi(page)).status).toBe(200)
    await dev.stop()
    dev = await startDevProcess(data.path, port)
    expect((await callApi(page)).status).toBe(200)
    const ticket = await ticketOf(context)
    await page.reload()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByRole('link', { name: 'Sign in' }).first().waitFor()
    const refused = await callApi(page)
    expect(refused).toMatchObject({ status: 401, body: { code: 'signed_out' } })
    expect(await replay(dev.origin, ticket ?? '')).toBe(401)
  })

  it('T-SESSION-02 gives a new ticket at every sign-in and ends the old one', async () => {
    await signIn(page, dev)
    const first = await ticketOf(context)
    await page.goto(`${dev.origin}/`)
    await page.evaluate(() => location.assign('/auth/sign-in?return=/&prompt=login'))
    await typePassword(page, dev, 'ada')
    await page.waitForURL(`${dev.origin}/`)
    const second = await ticketOf(context)
    expect(second).not.toBe(first)
    expect(await replay(dev.origin, first ?? '')).toBe(401)
    expect((await callApi(page)).status).toBe(200)
  })

  it('T-SESSION-02 does not take up a ticket that somebody else planted before sign-in', async () => {
    const planted = 'A'.repeat(64)
    const name = `__Host-Http-coatcheck-${port}`
    await context.addCookies([
      {
        name,
        value: planted,
        url: dev.origin.replace('http:', 'https:'),
        httpOnly: true,
        secure: true,
        sameSite: 'Strict',
      },
    ])
    // Without this the test would pass for a cookie that the browser never took.
    expect(await ticketOf(context)).toBe(planted)
    await signIn(page, dev)
    expect(await ticketOf(context)).not.toBe(planted)
    expect(await replay(dev.origin, planted)).toBe(401)
  })

  it('ends the ticket of A when B signs in in the same browser', async () => {
    await signIn(page, dev, 'ada')
    const first = await ticketOf(context)
    await page.evaluate(() => location.assign('/auth/sign-in?return=/&prompt=login'))
    await typePassword(page, dev, 'grace')
    await page.waitForURL(`${dev.origin}/`)
    await page.getByText('Grace').first().waitFor()
    expect(await replay(dev.origin, first ?? '')).toBe(401)
    expect((await callApi(page)).status).toBe(200)
  })

  it('T-LOGIN-01 signs in in five tabs at once', async () => {
    const pages = await Promise.all(Array.from({ length: 5 }, () => context.newPage()))
    for (const tab of pages) {
      await tab.goto(`${dev.origin}/`)
      await tab.getByRole('link', { name: 'Sign in' }).first().click()
      await tab.getByLabel('Password').waitFor()
    }
    for (const tab of pages) {
      await typePassword(tab, dev, 'ada')
      await tab.waitForURL(`${dev.origin}/`)
      await tab.getByRole('button', { name: 'Sign out' }).waitFor()
    }
    for (const tab of pages) expect((await callApi(tab)).status).toBe(200)
    const names = (await context.cookies(dev.origin)).map(({ name }) => name)
    expect(names.filter((name) => name.includes('-in-'))).toEqual([])
  })

  it('T-LOGIN-01 refuses a callback that an attacker prepared, and a second use', async () => {
    await page.goto(
      `${dev.origin}/auth/callback?code=stolen&state=0.AAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAA`,
    )
    await page.getByText('sign_in_unknown').waitFor()
    expect(await ticketOf(context)).toBeUndefined()
    const callbacks: string[] = []
    page.on('request', (request) => {
      if (request.url().includes('/auth/callback')) callbacks.push(request.url())
    })
    await signIn(page, dev)
    expect(callbacks.length).toBeGreaterThan(0)
    // Signed in by now, the second use just goes on, with the session that is there.
    const ticket = await ticketOf(context)
    await page.goto(callbacks[0] ?? '')
    await page.waitForURL(`${dev.origin}/`)
    expect(await ticketOf(context)).toBe(ticket)
  })
})

describe('links from elsewhere', () => {
  it('T-COOKIE-03 keeps query and fragment over hop, sign-in and back', async () => {
    const target = `${dev.origin}/account/?tab=1&x=%2F#part-2`
    await page.goto(`${dev.provider}/nowhere`)
    await page.evaluate((address) => location.assign(address), target)
    await page.getByRole('link', { name: 'Sign in' }).click()
    await typePassword(page, dev, 'ada')
    await page.waitForURL(target)
    await page.goto(`${dev.provider}/nowhere`)
    await page.evaluate((address) => location.assign(address), target)
    await page.waitForURL(target)
    await page.getByRole('heading', { name: 'Account' }).waitFor()
  })

  it('T-LOGIN-06 starts no sign-in from a foreign page, a fetch, a frame or a prefetch', async () => {
    await page.goto(`${dev.provider}/nowhere`)
    await page.evaluate(
      (address) => location.assign(address),
      `${dev.origin}/auth/sign-in?return=/`,
    )
    await page.getByRole('link', { name: 'Sign in' }).waitFor()
    expect(page.url()).toContain(dev.origin)
    expect((await context.cookies(dev.origin)).length).toBe(0)
    await page.goto(`${dev.origin}/`)
    const fetched = await page.evaluate(async () => {
      const answer = await fetch('/auth/sign-in?return=/', { redirect: 'manual' })
      return { status: answer.status, code: (await answer.json()).code }
    })
    expect(fetched).toEqual({ status: 401, code: 'sign_in_required' })
    const prefetched = await context.request.get(`${dev.origin}/auth/sign-in`, {
      headers: {
        'sec-purpose': 'prefetch',
        'sec-fetch-mode': 'navigate',
        'sec-fetch-dest': 'document',
        'sec-fetch-site': 'same-origin',
      },
      maxRedirects: 0,
    })
    expect(prefetched.status()).toBe(401)
  })

  it('T-LOGIN-05 leaves no code behind: not in the history, not in a referrer', async () => {
    const referrers: string[] = []
    page.on('request', async (request) => {
      referrers.push((await request.allHeaders()).referer ?? '')
    })
    await signIn(page, dev)
    expect(page.url()).toBe(`${dev.origin}/`)
    expect(referrers.filter((referrer) => referrer.includes('code='))).toEqual([])
    const entries = await page.evaluate(() =>
      performance.getEntriesByType('navigation').map(({ name }) => name),
    )
    expect(entries.join()).not.toContain('code=')
  })
})

async function replay(origin: string, ticket: string): Promise<number> {
  const { port: at } = new URL(origin)
  const answer = await fetch(`${origin}/api/orders`, {
    headers: { cookie: `__Host-Http-coatcheck-${at}=${ticket}`, origin, 'x-coatcheck': '1' },
  })
  return answer.status
}
