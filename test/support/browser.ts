import { existsSync } from 'node:fs'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import type { Ready } from './dev-process.ts'

const PLACES = [
  process.env.CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]

const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--disable-background-networking',
]

/** A real Chromium. Throws when there is none: a suite without its browser fails, it is not skipped. */
export async function launchChromium(options: readonly string[] = []): Promise<Browser> {
  const executablePath = PLACES.find((place) => place !== undefined && existsSync(place))
  if (executablePath === undefined)
    throw new Error('No Chromium was found: install it, or set CHROMIUM to its path.')
  return chromium.launch({ executablePath, args: [...ARGUMENTS, ...options] })
}

/** Types a user's name and password at the provider. */
export async function typePassword(page: Page, ready: Ready, username: string): Promise<void> {
  const user = ready.users.find((candidate) => candidate.username === username)
  if (user === undefined) throw new Error(`no user ${username}`)
  await page.getByLabel('User name').fill(user.username)
  await page.getByLabel('Password').fill(user.password)
  await page.getByRole('button', { name: 'Sign in' }).click()
}

/** Signs in from the front page and waits until the page says so. */
export async function signIn(page: Page, ready: Ready, username = 'ada'): Promise<void> {
  await page.goto(`${ready.origin}/`)
  await page.getByRole('link', { name: 'Sign in' }).first().click()
  await typePassword(page, ready, username)
  await page.waitForURL(`${ready.origin}/`)
  await page.getByRole('button', { name: 'Sign out' }).waitFor()
}

/** Calls the API from the page, as a page's own script does. */
export function callApi(
  page: Page,
  path = '/api/orders',
): Promise<{ status: number; body: unknown }> {
  return page.evaluate(async (address) => {
    const answer = await fetch(address, { headers: { 'x-coatcheck': '1' } })
    return { status: answer.status, body: await answer.json() }
  }, path)
}

/** The ticket, which only the browser's own jar shows. */
export async function ticketOf(context: BrowserContext): Promise<string | undefined> {
  const cookies = await context.cookies()
  return cookies.find(({ name }) => /^__Host-Http-coatcheck(?:-\d+)?$/.test(name))?.value
}
