// @ts-check
// Real browsers behind one small interface: a profile that survives the browser, and a page in it.
import { existsSync } from 'node:fs'
import { chromium } from 'playwright-core'
import puppeteer from 'puppeteer-core'
import { openWebkit } from './webkit.mjs'

/**
 * `status` is that of the last page load; `start` runs a script that may leave the page; `popup` clicks on what opens a tab.
 * `open` starts the browser on a profile's folder; `close` ends it as a person does, so that it writes its cookies.
 * @typedef {{
 *   goto: (url: string) => Promise<void>,
 *   click: (selector: string) => Promise<void>,
 *   fill: (selector: string, text: string) => Promise<void>,
 *   evaluate: (source: string) => Promise<any>,
 *   start: (source: string) => Promise<void>,
 *   popup: (selector: string) => Promise<LabPage>,
 *   reload: () => Promise<void>,
 *   back: () => Promise<void>,
 *   url: () => Promise<string>,
 *   status: () => Promise<number>,
 *   close: () => Promise<void>,
 * }} LabPage
 * @typedef {{ page: LabPage, close: () => Promise<void> }} OpenBrowser
 * @typedef {(profile: string) => Promise<OpenBrowser>} Open
 */

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
const FIREFOX = ['/usr/bin/firefox-esr', '/usr/bin/firefox']
const CHROMIUM_ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--disable-background-networking',
  // A service worker's file belongs to no page, whose certificate could be overlooked.
  '--ignore-certificate-errors',
]

/** @type {Record<string, Open>} */
const OPENERS = { chromium: openChromium, firefox: openFirefox, webkit: openWebkit }

/** The browsers that a lab may be asked to use. */
export const BROWSERS = Object.keys(OPENERS)

/** Whether a browser can be closed and opened again with what it kept. @param {string} name */
export function keepsProfile(name) {
  return name !== 'webkit'
}

/**
 * Starts a browser. Fails if it is not there: a lab without its browser proves nothing.
 * @param {string} name
 * @param {string} profile
 */
export function openBrowser(name, profile) {
  const open = OPENERS[name]
  if (open === undefined) throw new Error(`no such browser: ${name}`)
  return open(profile)
}

/** @type {Open} */
async function openChromium(profile) {
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: placeOf('CHROMIUM', CHROMIUM),
    args: CHROMIUM_ARGUMENTS,
    ignoreHTTPSErrors: true,
  })
  const page = context.pages()[0] ?? (await context.newPage())
  return { page: chromiumPage(page), close: () => context.close() }
}

/**
 * @param {import('playwright-core').Page} page
 * @returns {LabPage}
 */
function chromiumPage(page) {
  const status = watchStatus(page)
  return {
    status,
    goto: async (url) => void (await page.goto(url)),
    click: (selector) => withNavigation(page, () => page.click(selector)),
    fill: (selector, text) => page.fill(selector, text),
    evaluate: (source) => page.evaluate(source),
    start: (source) => page.evaluate(later(source)),
    popup: async (selector) => {
      const [popup] = await Promise.all([page.waitForEvent('popup'), page.click(selector)])
      return chromiumPage(popup)
    },
    reload: async () => void (await page.reload()),
    // As the page sees it: drivers hear late of one that comes back out of the history.
    url: () => page.evaluate('location.href').catch(() => ''),
    back: async () => void (await page.evaluate(later('history.back()'))),
    close: () => page.close(),
  }
}

/** @type {Open} */
async function openFirefox(profile) {
  const browser = await puppeteer.launch({
    browser: 'firefox',
    executablePath: placeOf('FIREFOX', FIREFOX),
    userDataDir: profile,
    acceptInsecureCerts: true,
    // Answers in JSON are looked at as they are.
    extraPrefsFirefox: { 'devtools.jsonview.enabled': false },
  })
  const page = (await browser.pages())[0] ?? (await browser.newPage())
  return { page: firefoxPage(page), close: () => browser.close() }
}

/**
 * @param {import('puppeteer-core').Page} page
 * @returns {LabPage}
 */
function firefoxPage(page) {
  const status = watchStatus(page)
  return {
    status,
    goto: async (url) => void (await page.goto(url)),
    click: (selector) => withNavigation(page, () => page.click(selector)),
    fill: (selector, text) => page.locator(selector).fill(text),
    evaluate: (source) => page.evaluate(source),
    start: async (source) => void (await page.evaluate(later(source))),
    popup: (selector) =>
      new Promise((resolve, reject) => {
        page.once('popup', (popup) =>
          popup === null ? reject(new Error('no tab')) : resolve(firefoxPage(popup)),
        )
        page.click(selector).catch(reject)
      }),
    reload: async () => void (await page.reload()),
    // As the page sees it: drivers hear late of one that comes back out of the history.
    url: () => page.evaluate('location.href').catch(() => ''),
    back: async () => void (await page.evaluate(later('history.back()'))),
    close: () => page.close(),
  }
}

/**
 * @param {{ on: (event: 'response', listener: (response: any) => void) => unknown }} page
 * @returns {() => Promise<number>}
 */
function watchStatus(page) {
  let last = 0
  page.on('response', (response) => {
    if (response.request().isNavigationRequest()) last = response.status()
  })
  return async () => last
}

/** The script that runs once nobody waits for its end any more. @param {string} source */
function later(source) {
  return `void setTimeout(() => { ${source} }, 0)`
}

/**
 * @param {{ waitForNavigation: () => Promise<unknown> }} page
 * @param {() => Promise<void>} click
 */
async function withNavigation(page, click) {
  await Promise.all([page.waitForNavigation(), click()])
}

/**
 * @param {string} variable
 * @param {readonly string[]} places
 */
function placeOf(variable, places) {
  const found = [process.env[variable], ...places].find((place) => place && existsSync(place))
  if (found === undefined)
    throw new Error(`No ${variable} was found: install it, or set ${variable} to its path.`)
  return found
}
