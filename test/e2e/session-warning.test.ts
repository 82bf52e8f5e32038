import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { SessionClient } from '../../packages/coatcheck/src/session-client.ts'
import { launchChromium } from '../support/browser.ts'
import { placeSessionPage, putTicket } from '../support/session-page.ts'
import { beginSignIn, cookiesOf, finishSignIn, type Stack, startStack } from '../support/stack.ts'

const SCRIPT = `import { createSessionClient, warnBeforeEnd } from '/client.js'
window.told = []
window.counter = createSessionClient()
counter.subscribe((state, reason) => told.push(state.state + (reason ? ': ' + reason : '')))
window.quiet = warnBeforeEnd(counter, (warning) => {
  told.push(warning?.reason ?? 'withdrawn')
  window.left = warning && counter.secondsUntil(warning.endsAt)
}, { seconds: 2 })
`

// Real seconds pass at the server: few, but more than the second that a Date header leaves open.
const IDLE_SECONDS = 5
// A remembered session has one end, and no use moves it.
const ABSOLUTE_SECONDS = 4

declare global {
  interface Window {
    told: string[]
    left: number | undefined
    counter: SessionClient
    quiet: () => void
  }
}

let stack: Stack
let browser: Browser
let context: BrowserContext

beforeAll(async () => {
  browser = await launchChromium()
  stack = await startStack({
    config: (base) => ({
      ...base,
      sessions: {
        ...base.sessions,
        idleSeconds: IDLE_SECONDS,
        absoluteSeconds: 600,
        remembered: { idleSeconds: ABSOLUTE_SECONDS, absoluteSeconds: ABSOLUTE_SECONDS },
      },
    }),
  })
  await placeSessionPage(stack, 'warn', SCRIPT)
})
afterAll(async () => {
  await browser?.close()
  await stack?.close()
})
beforeEach(async () => {
  context = await browser.newContext()
})
afterEach(() => context.close())

/** Tabs that are open already, so that no second of the session is lost to them, and then a sign-in. */
async function signedInTabs(count: number, signInQuery = ''): Promise<readonly Page[]> {
  const tabs: Page[] = []
  for (let index = 0; index < count; index += 1) tabs.push(await openTab())
  const pending = await beginSignIn({ ...stack, signInQuery })
  const answer = await finishSignIn(pending)
  const ticket = cookiesOf(answer).find((pair) => pair.startsWith(`${stack.cookieName}=`)) ?? ''
  await putTicket(context, stack, ticket)
  for (const tab of tabs) {
    await tab.evaluate(() => window.counter.session())
    await hears(tab, 2)
  }
  return tabs
}

async function openTab(): Promise<Page> {
  const page = await context.newPage()
  await page.goto(`${stack.origin}/warn.html`)
  await hears(page, 1)
  return page
}

/** Waits until a tab has told so many words, and gives them back. */
async function hears(page: Page, count: number): Promise<readonly string[]> {
  await page.waitForFunction((least) => window.told?.length >= least, count, { timeout: 12_000 })
  return page.evaluate(() => window.told)
}

function use(page: Page, path = '/api/x'): Promise<number> {
  return page.evaluate(async (address) => (await window.counter.fetch(address)).status, path)
}

function passed(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

describe('warnBeforeEnd, in Chromium', () => {
  it('warns in every tab, withdraws when one of them is used, and warns of the next end', async () => {
    const tabs = await signedInTabs(2)
    const story = ['signed_out', 'signed_in', 'idle_timeout']
    for (const tab of tabs) {
      expect(await hears(tab, 3)).toEqual(story)
      expect(await tab.evaluate(() => window.left)).toBeLessThanOrEqual(2)
    }
    if (tabs[0] !== undefined) await use(tabs[0])
    for (const tab of tabs) expect(await hears(tab, 4)).toEqual([...story, 'withdrawn'])
    for (const tab of tabs) {
      const all = await hears(tab, 7)
      expect(all.slice(0, 5)).toEqual([...story, 'withdrawn', 'idle_timeout'])
      expect(all.slice(5).toSorted()).toEqual(['signed_out: idle_timeout', 'withdrawn'])
    }
  })

  it('withdraws at once what another tab has made untrue: no timer runs', async () => {
    await context.clock.install()
    const [one, other] = (await signedInTabs(2)) as [Page, Page]
    const story = ['signed_out', 'signed_in', 'idle_timeout']
    for (const tab of [one, other]) expect(await hears(tab, 3)).toEqual(story)
    await context.clock.pauseAt(Date.now() + 50)
    await use(one)
    for (const tab of [one, other]) expect(await hears(tab, 4)).toEqual([...story, 'withdrawn'])
  })

  it('says that an end comes in any case, which no use withdraws', async () => {
    const [tab] = (await signedInTabs(1, '&remember=1')) as [Page]
    const story = ['signed_out', 'signed_in', 'absolute_timeout']
    expect(await hears(tab, 3)).toEqual(story)
    await use(tab)
    const all = await hears(tab, 5)
    expect(all.slice(0, 3)).toEqual(story)
    expect(all.slice(3).toSorted()).toEqual(['signed_out: absolute_timeout', 'withdrawn'])
  })

  it('does not warn while the session is used, by whomever', async () => {
    const [tab] = (await signedInTabs(1)) as [Page]
    // Not by the client: only the server knows. Often enough that no pause of a busy machine is as long as a warning.
    await tab.evaluate(() => {
      setInterval(() => void fetch('/api/x', { headers: { 'x-coatcheck': '1' } }), 250)
    })
    await passed(8000)
    expect(await tab.evaluate(() => window.told)).toEqual(['signed_out', 'signed_in'])
  })

  it('warns after a sleep, in which no timer ran', async () => {
    await context.clock.install()
    const [tab] = (await signedInTabs(1)) as [Page]
    const state = await tab.evaluate(() => window.counter.session())
    const endsAt = state.state === 'signed_in' ? state.idleEndsAt : 0
    await tab.clock.pauseAt(Date.now() + 100)
    await passed(endsAt - 1800 - Date.now())
    expect(await tab.evaluate(() => window.told)).toEqual(['signed_out', 'signed_in'])
    // The clock goes on, and timers are still behind.
    await tab.clock.setSystemTime(Date.now())
    await tab.evaluate(() => window.dispatchEvent(new Event('focus')))
    expect(await hears(tab, 3)).toEqual(['signed_out', 'signed_in', 'idle_timeout'])
  })

  it.each([
    ['fast', 3_600_000],
    ['slow', -3_600_000],
  ])('goes by the server’s time on a page whose clock is an hour %s', async (_, offMs) => {
    await context.clock.install({ time: Date.now() + offMs })
    const [tab] = (await signedInTabs(1)) as [Page]
    expect(await hears(tab, 3)).toEqual(['signed_out', 'signed_in', 'idle_timeout'])
    const left = await tab.evaluate(() => window.left)
    expect(left).toBeGreaterThan(0)
    expect(left).toBeLessThanOrEqual(2)
  })

  it('asks the server before it believes a clock that was set', async () => {
    await context.clock.install()
    const [tab] = (await signedInTabs(1)) as [Page]
    await tab.clock.setSystemTime(Date.now() + 3_600_000)
    const asked = tab.waitForResponse('**/auth/session')
    await tab.evaluate(() => window.dispatchEvent(new Event('focus')))
    await asked
    await passed(200)
    expect(await tab.evaluate(() => window.told)).toEqual(['signed_out', 'signed_in'])
  })

  it('is no activity, and says nothing once it is stopped', async () => {
    const [tab, quiet] = (await signedInTabs(2)) as [Page, Page]
    await quiet.evaluate(() => window.quiet())
    const asking = setInterval(() => void tab.evaluate(() => window.counter.session()), 300)
    const all = await hears(tab, 5).finally(() => clearInterval(asking))
    expect(all).toContain('signed_out: idle_timeout')
    expect(await hears(quiet, 3)).toEqual(['signed_out', 'signed_in', 'signed_out: idle_timeout'])
  })

  it('works without locks and channels', async () => {
    await context.addInitScript('delete Navigator.prototype.locks; delete window.BroadcastChannel')
    const [tab] = (await signedInTabs(1)) as [Page]
    expect(await hears(tab, 3)).toEqual(['signed_out', 'signed_in', 'idle_timeout'])
    const all = await hears(tab, 5)
    expect(all.slice(3).toSorted()).toEqual(['signed_out: idle_timeout', 'withdrawn'])
  })
})
