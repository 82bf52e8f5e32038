import type { Browser, BrowserContext, Page } from 'playwright-core'
import { type SiteOptions, type SpaSite, startSpaSite } from '../../lab/spa/site.mjs'
import { launchChromium } from './browser.ts'

/** A single-page app that keeps its own tokens, open in a real browser. */
export interface SpaPage {
  readonly site: SpaSite
  readonly context: BrowserContext
  readonly page: Page
  /** Every address that the browser asked for, with its body. */
  readonly requests: readonly { readonly url: string; readonly body: string }[]
  /** What the page has written to its console. */
  readonly console: readonly string[]
  url(place: string): string
  close(): Promise<void>
}

/** Starts one. */
export async function openSpaPage(options: SiteOptions = {}): Promise<SpaPage> {
  const site = await startSpaSite(options)
  const browser: Browser = await launchChromium()
  const context = await browser.newContext({ ignoreHTTPSErrors: true })
  const page = await context.newPage()
  const requests: { url: string; body: string }[] = []
  const lines: string[] = []
  context.on('request', (request) =>
    requests.push({ url: request.url(), body: request.postData() ?? '' }),
  )
  context.on('console', (message) => lines.push(message.text()))
  return {
    ...{ site, context, page, requests, console: lines },
    url: (place) => `${site.origin}/${place}/`,
    close: async () => {
      await browser.close()
      await site.close()
    },
  }
}

/** Signs in by the provider's form, from wherever the page is. */
export async function signInAs(page: Page, url: string, username = 'ada'): Promise<void> {
  const password = username === 'ada' ? 'engine-1843' : 'compiler-1952'
  await page.goto(url)
  await isThere(page)
  await page.evaluate("lab.signIn({ prompt: 'login' })")
  await page.getByLabel('User name').fill(username)
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.waitForURL((address) => address.origin === new URL(url).origin)
  await isThere(page)
  await page.evaluate('lab.state()')
}

/** Waits for the lab's page. Asked from outside: its policy forbids what Playwright would put into it. */
export async function isThere(page: Page): Promise<void> {
  for (const until = Date.now() + 15_000; Date.now() < until; ) {
    if (await page.evaluate('typeof lab === "object"').catch(() => false)) return
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  throw new Error(`The page did not come: ${page.url()}`)
}

/** What an API answers that takes a token for over, told so that a page of the origin may read it. */
export function invalidToken(origin: string) {
  return {
    status: 401,
    headers: {
      'access-control-allow-origin': origin,
      'access-control-expose-headers': 'WWW-Authenticate',
      'www-authenticate': 'Bearer error="invalid_token"',
    },
  }
}
