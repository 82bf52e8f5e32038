import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Dev, startDev } from './dev.ts'
import { startLoopbackServer } from './loopback-server.ts'

const PLACES = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/google-chrome']
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--disable-background-networking',
]
const JWT = 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl'
const TICKET = `aB3${'x'.repeat(61)}`

let folder: string
let dev: Dev
let browser: Browser
let context: BrowserContext
let page: Page

beforeAll(async () => {
  const executablePath = PLACES.find((place) => place !== undefined && existsSync(place))
  if (executablePath === undefined) throw new Error('install Chromium, or set CHROMIUM to its path')
  browser = await chromium.launch({ executablePath, args: ARGUMENTS })
  folder = mkdtempSync(join(tmpdir(), 'coatcheck-page-'))
  const probe = await startLoopbackServer({ name: 'probe' }, () => () => {})
  await probe.close()
  dev = await startDev({ port: Number(new URL(probe.origin).port), data: folder })
})
afterAll(async () => {
  await browser?.close()
  await dev?.close()
  rmSync(folder, { recursive: true })
})
beforeEach(async () => {
  context = await browser.newContext()
  page = await context.newPage()
})
afterEach(() => context.close())

async function signIn(): Promise<void> {
  const [user = { username: '', password: '' }] = dev.users
  await page.goto(`${dev.origin}/`)
  await page.getByRole('link', { name: 'Sign in' }).click()
  await page.getByLabel('User name').fill(user.username)
  await page.getByLabel('Password').fill(user.password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('heading', { name: 'Ada Lovelace' }).waitFor()
}

const verdict = (text: string) => page.locator('#verdict', { hasText: text }).waitFor()

describe('the sample page', () => {
  it('shows who is signed in and until when, calls the API, and signs out', async () => {
    await signIn()
    expect(await page.locator('[data-clock=idleEndsAt]').textContent()).toMatch(/^(30:00|29:\d\d)$/)
    expect(await page.locator('[data-clock=absoluteEndsAt]').textContent()).toMatch(
      /^1[12]:\d\d:\d\d$/,
    )
    await page.getByRole('button', { name: 'Get my orders' }).click()
    await page.getByRole('cell', { name: 'Brass coat hook' }).waitFor()
    await page.getByRole('link', { name: 'Account' }).click()
    await page.getByText('ada@users.example').waitFor()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.waitForURL(`${dev.origin}/`)
    await page.getByText('No ticket yet').waitFor()
    await page.getByRole('button', { name: 'Get my orders' }).click()
    await page.getByText('You are signed out.').waitFor()
  })

  it('signs in and out without script', async () => {
    await context.close()
    context = await browser.newContext({ javaScriptEnabled: false })
    page = await context.newPage()
    await page.goto(`${dev.origin}/`)
    await page.getByRole('link', { name: 'Sign in' }).click()
    await page.getByLabel('User name').fill('ada')
    await page.getByLabel('Password').fill(dev.users[0]?.password ?? '')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.waitForURL(`${dev.origin}/`)
    await page.getByRole('link', { name: 'account page' }).click()
    await page.getByRole('heading', { name: 'Account' }).waitFor()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.waitForURL(`${dev.origin}/`)
    await page.goto(`${dev.origin}/account/`)
    expect(await page.getByRole('heading').textContent()).not.toBe('Account')
  })

  it('counts down by the server’s clock, and asks once when the time is over', async () => {
    await signIn()
    await page.clock.install({ time: Date.now() + 86_400_000 })
    await page.reload()
    const clock = page.locator('[data-clock=idleEndsAt]', { hasText: /^(30:0\d|29:\d\d)$/ })
    await clock.waitFor()
    const asked: string[] = []
    page.on('request', (request) => asked.push(new URL(request.url()).pathname))
    await context.clearCookies()
    await page.clock.fastForward(31 * 60_000)
    await page.getByText('Your session has ended.').waitFor()
    expect(asked).toEqual(['/auth/session'])
  })

  it.each([
    ['access_token_expired', 401, {}, 'Sign in again'],
    ['renewal_unavailable', 503, { 'retry-after': '7' }, 'Try again in 7 seconds.'],
    ['store_unavailable', 503, { 'retry-after': '1' }, 'Try again in 1 second.'],
    ['upstream_timeout', 504, {}, 'The API does not answer.'],
  ])('says what to do about %s', async (code, status, headers, said) => {
    await signIn()
    await page.route('**/api/orders', (route) =>
      route.fulfill({ status, headers, json: { code }, contentType: 'application/problem+json' }),
    )
    await page.getByRole('button', { name: 'Get my orders' }).click()
    await page.locator('#call-status', { hasText: said }).waitFor()
  })

  it('finds no token and no ticket after sign-in', async () => {
    await signIn()
    await page.getByRole('button', { name: 'Get my orders' }).click()
    await page.getByText('200 OK').waitFor()
    await page.getByRole('button', { name: 'Look again' }).click()
    await verdict('No token and no ticket in 10 places.')
  })

  it.each([
    ['document.cookie', `document.cookie = 'ticket=${TICKET}'`],
    ['localStorage', `localStorage.setItem('token', '${JWT}')`],
    ['sessionStorage', `sessionStorage.setItem('token', '${TICKET}')`],
    ['window', `window.planted = { token: '${JWT}' }`],
    [
      'document',
      `document.body.append(Object.assign(document.createElement('input'), { value: '${JWT}' }))`,
    ],
    ['history', `history.replaceState({ token: '${JWT}' }, '')`],
    ['address', `history.replaceState(null, '', '?token=${JWT}')`],
    [
      'indexedDB',
      `new Promise((resolve) => {
        const opening = indexedDB.open('tokens')
        opening.onupgradeneeded = () => opening.result.createObjectStore('set').put('${JWT}', 'token')
        opening.onsuccess = () => resolve(opening.result.close())
      })`,
    ],
    [
      'Cache Storage',
      `caches.open('c').then((cache) => cache.put('/x?token=${JWT}', new Response('')))`,
    ],
  ])('finds a token that was planted in %s', async (_, plant) => {
    await page.goto(`${dev.origin}/`)
    await verdict('No token and no ticket')
    await page.evaluate(plant)
    await page.getByRole('button', { name: 'Look again' }).click()
    await verdict('Something like a token')
  })

  it('has names for all controls, one main heading, and landmarks', async () => {
    await signIn()
    const tree = await page.locator('body').ariaSnapshot()
    for (const part of ['banner', 'main', 'contentinfo', 'navigation "Pages"', '[level=1]']) {
      expect(tree).toContain(part)
    }
    expect(tree).not.toMatch(/- (button|link|textbox)\s*(:|$)/m)
    await page.keyboard.press('Tab')
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Skip to content')
  })

  it('T-SESSION-05 shows where else one is signed in, and ends it', async () => {
    await signIn()
    const here = { context, page }
    context = await browser.newContext()
    page = await context.newPage()
    await signIn()
    await page.goto(`${dev.origin}/account/`)
    await page.getByRole('cell', { name: 'This browser' }).waitFor()
    const rows = page.locator('#sessions tbody tr')
    const before = await rows.count()
    expect(before).toBeGreaterThanOrEqual(2)
    await page.getByRole('button', { name: 'End all others' }).click()
    await page.getByText(/^\d+ sessions? ended\.$/).waitFor()
    expect(await rows.count()).toBe(1)
    await here.page.getByRole('button', { name: 'Get my orders' }).click()
    await here.page.getByText('You are signed out.').waitFor()
    await page.getByRole('link', { name: 'Home' }).click()
    await page.getByRole('button', { name: 'Get my orders' }).click()
    await page.getByRole('cell', { name: 'Brass coat hook' }).waitFor()
    await here.context.close()
  })

  it('breaks no rule of its content security policy and logs no error', async () => {
    const faults: string[] = []
    page.on('console', (message) => {
      if (message.type() === 'error') faults.push(message.text())
    })
    page.on('pageerror', ({ message }) => faults.push(message))
    await signIn()
    await page.goto(`${dev.origin}/account/`)
    await page.getByText('ada@users.example').waitFor()
    await page.getByRole('cell', { name: 'This browser' }).waitFor()
    expect(faults).toEqual([])
  })
})
