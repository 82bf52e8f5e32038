import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { SessionClient } from '../../packages/coatcheck/src/session-client.ts'
import { launchChromium } from '../support/browser.ts'
import { send } from '../support/send.ts'
import { placeSessionPage, putTicket } from '../support/session-page.ts'
import { type Stack, signInOverHttp, startStack } from '../support/stack.ts'

const SCRIPT = `import { createSessionClient } from '/client.js'
window.heard = []
window.counter = createSessionClient()
window.listen = () => counter.subscribe((state, reason, before) => {
  heard.push([state.claims?.name ?? '', reason ?? '', before === undefined ? 'first' : before.claims?.name ?? ''])
})
window.unlisten = listen()
`

/** Each telling as [who is signed in, why it ended, who was before]. */
type Telling = readonly [string, string, string]

declare global {
  interface Window {
    heard: Telling[]
    listen: () => () => void
    counter: SessionClient
    unlisten: () => void
  }
}

let stack: Stack
let browser: Browser
let context: BrowserContext
let streams: string[]

beforeAll(async () => {
  browser = await launchChromium()
  stack = await startStack()
  await placeSessionPage(stack, 'watch', SCRIPT)
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

async function signIn(username = 'ada', former?: string): Promise<string> {
  const ticket = await signInOverHttp(stack, username, former)
  await putTicket(context, stack, ticket)
  return ticket
}

async function openTab(): Promise<Page> {
  const page = await context.newPage()
  await page.goto(`${stack.origin}/watch.html`)
  await hears(page, 1)
  return page
}

function end(ticket: string): Promise<Response> {
  return send(`${stack.origin}/auth/sessions/end?all`, {
    method: 'POST',
    headers: { cookie: ticket, origin: stack.origin, 'sec-fetch-mode': 'cors' },
  })
}

async function hears(page: Page, count: number): Promise<readonly Telling[]> {
  await page.waitForFunction((least) => window.heard?.length >= least, count)
  return page.evaluate(() => window.heard)
}

function countAsked(page: Page): () => number {
  let asked = 0
  page.on('request', (request) => {
    if (request.url().endsWith('/auth/session')) asked += 1
  })
  return () => asked
}

async function until(condition: () => boolean): Promise<void> {
  const began = Date.now()
  while (!condition()) {
    if (Date.now() - began > 10_000) throw new Error('it did not happen')
    await passed(20)
  }
}

function passed(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

const ADA: Telling = ['Ada Lovelace', '', 'first']
const NOBODY: Telling = ['', '', 'first']
const ENDED: Telling = ['', 'ended_by_user', 'Ada Lovelace']

describe('subscribe, in Chromium', () => {
  it('T-SESSION-05 tells every tab that the session ended, over one stream for the browser', async () => {
    const ticket = await signIn()
    const tabs: Page[] = []
    for (let index = 0; index < 7; index += 1) tabs.push(await openTab())
    await until(() => streams.length > 0)
    // Each tab that was opened made the others look.
    await passed(300)
    expect((await end(ticket)).status).toBe(200)
    for (const tab of tabs) expect(await hears(tab, 2)).toEqual([ADA, ENDED])
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
    expect(await hears(next, 2)).toEqual([ADA, ENDED])
  })

  it('tells first what is so, then a sign-in in another tab, then its end', async () => {
    const first = await openTab()
    expect(await hears(first, 1)).toEqual([NOBODY])
    const ticket = await signIn()
    await openTab()
    expect(await hears(first, 2)).toEqual([NOBODY, ['Ada Lovelace', '', '']])
    await until(() => streams.length > 0)
    await passed(200)
    await end(ticket)
    expect(await hears(first, 3)).toEqual([NOBODY, ['Ada Lovelace', '', ''], ENDED])
  })

  it('tells of another person who signed in, and who it was before', async () => {
    const ticket = await signIn()
    const tab = await openTab()
    await until(() => streams.length === 1)
    const grace = await signIn('grace', ticket)
    expect(await hears(tab, 2)).toEqual([ADA, ['Grace Hopper', 'replaced', 'Ada Lovelace']])
    await until(() => streams.length === 2)
    await end(grace)
    expect(await hears(tab, 3)).toEqual([
      ADA,
      ['Grace Hopper', 'replaced', 'Ada Lovelace'],
      ['', 'ended_by_user', 'Grace Hopper'],
    ])
  })

  it('tells the other tabs of a sign-out in one', async () => {
    await signIn()
    const [one, other] = [await openTab(), await openTab()]
    await until(() => streams.length === 1)
    await one.evaluate(() => window.counter.signOut())
    expect(await hears(other, 2)).toEqual([ADA, ['', 'signed_out', 'Ada Lovelace']])
  })

  it('tells who listens later at once, nobody who has stopped, and asks once for all', async () => {
    const ticket = await signIn()
    const tab = await openTab()
    await until(() => streams.length === 1)
    const asked = countAsked(tab)
    await tab.evaluate(() => {
      window.unlisten()
      window.unlisten = window.listen()
      window.listen()
      window.listen()()
    })
    expect(await hears(tab, 3)).toEqual([ADA, ADA, ADA])
    await end(ticket)
    expect(await hears(tab, 5)).toEqual([ADA, ADA, ADA, ENDED, ENDED])
    expect(asked()).toBeLessThan(5)
  })

  it('tells the others although one throws', async () => {
    const ticket = await signIn()
    const tab = await context.newPage()
    const errors: string[] = []
    tab.on('pageerror', ({ message }) => errors.push(message))
    await tab.goto(`${stack.origin}/watch.html`)
    await tab.evaluate(() => {
      window.unlisten()
      window.counter.subscribe(() => {
        throw new Error('of the listener')
      })
      window.heard = []
      window.listen()
    })
    await hears(tab, 1)
    await end(ticket)
    expect(await hears(tab, 2)).toEqual([ADA, ENDED])
    expect(errors).toEqual(['of the listener', 'of the listener'])
  })

  it('learns from a refused API call that the session is over', async () => {
    const ticket = await signIn()
    const tab = await openTab()
    await tab.evaluate(() => Object.defineProperty(window, 'EventSource', { value: undefined }))
    await end(ticket)
    const code = tab.evaluate(() => window.counter.fetch('/api/x').catch(({ code }) => code))
    expect(await code).toBe('signed_out')
    expect((await hears(tab, 2)).at(-1)?.[0]).toBe('')
  })

  it('asks when a page is come back to: once, whatever says so', async () => {
    const ticket = await signIn()
    await context.route('**/auth/events', (route) => route.abort())
    const tab = await openTab()
    await passed(1100)
    const asked = countAsked(tab)
    const comeBack = async () => {
      for (const type of ['visibilitychange', 'focus', 'pageshow']) {
        await tab.evaluate(
          (name) => document.dispatchEvent(new Event(name, { bubbles: true })),
          type,
        )
      }
    }
    await comeBack()
    await passed(1100)
    expect(asked()).toBe(1)
    await end(ticket)
    await comeBack()
    expect(await hears(tab, 2)).toEqual([ADA, ['', '', 'Ada Lovelace']])
  })
})

describe('subscribe, where a browser lacks something', () => {
  it.each([
    ['locks', "Object.defineProperty(navigator, 'locks', { value: undefined })"],
    ['locks and channels', 'delete Navigator.prototype.locks; delete window.BroadcastChannel'],
    ['time limits for requests', 'delete AbortSignal.timeout; delete Navigator.prototype.locks'],
  ])('works without %s, by a question each minute', async (_, removal) => {
    await context.addInitScript(removal)
    await context.clock.install()
    const ticket = await signIn()
    const tab = await openTab()
    expect(await hears(tab, 1)).toEqual([ADA])
    await end(ticket)
    await tab.clock.fastForward(60_000)
    await tab.clock.fastForward(1000)
    expect(await hears(tab, 2)).toEqual([ADA, ['', '', 'Ada Lovelace']])
    expect(streams).toEqual([])
  })

  it('waits for the first word where the server cannot tell yet, and says nothing false', async () => {
    await signIn()
    await context.clock.install()
    const answers = [503, 502, 500]
    await context.route('**/auth/session', (route) => {
      const status = answers.shift()
      if (status === undefined) return route.continue()
      return route.fulfill({ status, json: { state: 'of something in between' } })
    })
    const tab = await context.newPage()
    await tab.goto(`${stack.origin}/watch.html`)
    await until(() => answers.length < 2)
    for (let index = 0; index < 3; index += 1) await tab.clock.fastForward(5000)
    expect(await hears(tab, 1)).toEqual([ADA])
  })
})

describe('the channel between tabs', () => {
  const NAME = 'coatcheck-session'
  const HOSTILE: readonly unknown[] = [
    '<img src=x onerror=alert(1)>',
    'Signed Out',
    'a'.repeat(41),
    '',
    'used',
    null,
    7,
    ['ended_by_operator'],
    { state: 'signed_out' },
    { toString: 'ended_by_operator' },
  ]

  it('does nothing for a message that is none of ours', async () => {
    await signIn()
    const tab = await openTab()
    await until(() => streams.length === 1)
    await passed(300)
    const asked = countAsked(tab)
    await tab.evaluate(
      ([name, messages]) => {
        const channel = new BroadcastChannel(name as string)
        for (const message of messages as unknown[]) channel.postMessage(message)
      },
      [NAME, HOSTILE] as const,
    )
    await passed(300)
    expect(asked()).toBe(0)
    expect(await hears(tab, 1)).toEqual([ADA])
  })

  it('does no more than look again for a message that lies, however many', async () => {
    await signIn()
    const tab = await openTab()
    await until(() => streams.length === 1)
    await passed(300)
    const asked = countAsked(tab)
    await tab.evaluate((name) => {
      const channel = new BroadcastChannel(name)
      for (let index = 0; index < 100; index += 1) {
        for (const word of ['hello', 'changed', 'ended_by_operator']) channel.postMessage(word)
      }
    }, NAME)
    await until(() => asked() > 1)
    await passed(500)
    expect(asked()).toBeLessThan(100)
    expect(await hears(tab, 1)).toEqual([ADA])
  })

  it('carries words and nothing secret', async () => {
    const canary = await signIn()
    await context.addInitScript((name) => {
      const said: unknown[] = []
      Object.assign(window, { said })
      new BroadcastChannel(name).addEventListener('message', ({ data }) => said.push(data))
    }, NAME)
    const tabs = [await openTab(), await openTab()]
    await until(() => streams.length === 1)
    await tabs[0]?.evaluate(() => window.counter.fetch('/api/x').then(() => {}))
    await end(canary)
    const said: unknown[] = []
    for (const tab of tabs) {
      await hears(tab, 2)
      said.push(...(await tab.evaluate(() => (window as unknown as { said: unknown[] }).said)))
    }
    expect(new Set(said)).toEqual(new Set(['hello', 'used', 'ended_by_user']))
    expect(JSON.stringify(said)).not.toContain(canary.split('=')[1])
  })
})
