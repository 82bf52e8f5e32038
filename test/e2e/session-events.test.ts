import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { launchChromium } from '../support/browser.ts'
import { send } from '../support/send.ts'
import { type Stack, signInOverHttp, startStack } from '../support/stack.ts'

const CLIENT = fileURLToPath(
  new URL('../../packages/coatcheck/src/session-client.ts', import.meta.url),
)
const PAGE = '<!doctype html><title>watching</title><script type="module" src="/watch.js"></script>'
const SCRIPT = `import { createSessionClient } from '/client.js'
window.heard = []
createSessionClient().subscribe((state, reason) => heard.push([state.state, reason ?? '']))
`

let stack: Stack
let browser: Browser
let context: BrowserContext
let streams: string[]

beforeAll(async () => {
  browser = await launchChromium()
  stack = await startStack()
  await build({
    entryPoints: [CLIENT],
    bundle: true,
    format: 'esm',
    outfile: join(stack.folder, 'pages/client.js'),
  })
  writeFileSync(join(stack.folder, 'pages/watch.html'), PAGE)
  writeFileSync(join(stack.folder, 'pages/watch.js'), SCRIPT)
  // Files are known from the start on.
  await stack.restart()
})
afterAll(async () => {
  await browser?.close()
  await stack?.close()
})
beforeEach(async () => {
  context = await browser.newContext()
  streams = []
  context.on('request', (request) => {
    if (request.url().endsWith('/auth/events')) streams.push(request.url())
  })
})
afterEach(() => context.close())

async function signIn(): Promise<string> {
  const ticket = await signInOverHttp(stack)
  const [name = '', value = ''] = ticket.split('=')
  await context.addCookies([
    {
      name,
      value,
      url: stack.origin.replace('http:', 'https:'),
      httpOnly: true,
      secure: true,
      sameSite: 'Strict',
    },
  ])
  return ticket
}

async function openTab(): Promise<Page> {
  const page = await context.newPage()
  await page.goto(`${stack.origin}/watch.html`)
  await page.waitForFunction(() => 'heard' in window)
  return page
}

function end(ticket: string): Promise<Response> {
  return send(`${stack.origin}/auth/sessions/end?all`, {
    method: 'POST',
    headers: { cookie: ticket, origin: stack.origin, 'sec-fetch-mode': 'cors' },
  })
}

async function hears(page: Page): Promise<unknown> {
  await page.waitForFunction(() => (window as unknown as { heard: unknown[] }).heard.length > 0)
  return page.evaluate(() => (window as unknown as { heard: unknown[] }).heard)
}

async function until(condition: () => boolean): Promise<void> {
  const began = Date.now()
  while (!condition()) {
    if (Date.now() - began > 10_000) throw new Error('it did not happen')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

describe('subscribe, in Chromium', () => {
  it('T-SESSION-05 tells every tab that the session ended, over one stream for the browser', async () => {
    const ticket = await signIn()
    const tabs: Page[] = []
    for (let index = 0; index < 7; index += 1) tabs.push(await openTab())
    await until(() => streams.length > 0)
    expect((await end(ticket)).status).toBe(200)
    for (const tab of tabs) expect(await hears(tab)).toEqual([['signed_out', 'ended_by_user']])
    expect(streams).toHaveLength(1)
  })

  it('goes on with the next tab when the one that held the stream is closed', async () => {
    const ticket = await signIn()
    const holder = await openTab()
    await until(() => streams.length === 1)
    const next = await openTab()
    await holder.close()
    await until(() => streams.length === 2)
    await end(ticket)
    expect(await hears(next)).toEqual([['signed_out', 'ended_by_user']])
  })

  it('says nothing of what was so from the beginning, and notices a sign-in in another tab', async () => {
    const first = await openTab()
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(await first.evaluate(() => (window as unknown as { heard: unknown[] }).heard)).toEqual(
      [],
    )
    const ticket = await signIn()
    await openTab()
    expect(await hears(first)).toEqual([['signed_in', '']])
    await until(() => streams.length > 0)
    await new Promise((resolve) => setTimeout(resolve, 200))
    await end(ticket)
    await first.waitForFunction(() => (window as unknown as { heard: unknown[] }).heard.length > 1)
    expect(
      await first.evaluate(() => (window as unknown as { heard: unknown[][] }).heard.at(-1)),
    ).toEqual(['signed_out', 'ended_by_user'])
  })
})
