// @ts-check
// The quickstart `spa-plain`, built by Vite as its README says, once for each place where it can keep its tokens.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'vite'
import { temporaryFolder } from '../test/support/dev-process.ts'
import { BROWSERS, openBrowser } from './browsers/browsers.mjs'
import { mergeBrowsers } from './browsers/rows.mjs'
import { copyQuickstart, envOf, filesOf, STORES } from './spa-plain/app.mjs'
import { startPlainSite } from './spa-plain/site.mjs'
import { visitApp } from './spa-plain/visit.mjs'

/** @typedef {import('./spa-plain/app.mjs').Place} Place */

export const name = 'spa-plain'
export const about =
  'the quickstart of a page without a server, on each of its five places: sign-in, calls, a reload, sign-out, under a strict policy'
export const choices = { browser: [...BROWSERS, 'all'] }
export const needs = ['browser']

const PLACES = /** @type {Place[]} */ (Object.keys(STORES))
/** @type {readonly Place[]} */
const FORGETFUL = ['memory', 'worker']
/** @type {readonly Place[]} */
const SHORT = ['local_storage', 'worker']

/** @param {{ seconds: number, browser?: string, log: (line: string) => void }} options */
export async function run({ seconds, browser = 'chromium', log }) {
  const isShort = seconds < 20
  const browsers = browser === 'all' ? BROWSERS : [browser]
  /** @type {{ browser: string, place: string, what: string, seen: string, wrong: string }[]} */
  const rows = []
  for (const place of isShort ? SHORT : PLACES) {
    for (const each of browsers) {
      await playOne(each, place, (what, seen, wrong) => {
        rows.push({ browser: each, place, what, seen, wrong: wrong.join('; ') })
        log(`${each}, ${place}: ${what}: ${wrong.length === 0 ? seen : wrong.join('; ')}`)
      })
    }
  }
  const good = rows.filter(({ wrong }) => wrong === '').length
  return {
    rows: mergeBrowsers(rows, ({ place, what }) => `${place} ${what}`),
    figures: [
      {
        name,
        value: `${good} of ${rows.length} as they should`,
        aim: 'all',
        ok: good === rows.length,
      },
    ],
  }
}

/**
 * A provider, a build and a browser of its own for each, so that nothing is left over.
 * @param {string} browser
 * @param {Place} place
 * @param {(what: string, seen: string, wrong: readonly string[]) => void} row
 */
async function playOne(browser, place, row) {
  let grants = 0
  const site = await startPlainSite({
    hooks: {
      onTokenOutcome: ({ grantType, status }) => {
        if (grantType === 'authorization_code' && status === 200) grants += 1
      },
    },
  })
  const profile = temporaryFolder()
  try {
    site.serve(await buildApp(join(site.folder, 'app'), place, site))
    const { page, close } = await openBrowser(browser, profile.path)
    try {
      const isForgetful = FORGETFUL.includes(place)
      await visitApp({ page, site, isForgetful, grants: () => grants, row })
    } catch (error) {
      row('the visit', 'broke off', [String(error instanceof Error ? error.message : error)])
    } finally {
      await close()
    }
  } finally {
    await site.close()
    profile.remove()
  }
}

/**
 * @param {string} folder
 * @param {Place} place
 * @param {import('./spa-plain/site.mjs').Addresses} addresses
 */
async function buildApp(folder, place, addresses) {
  copyQuickstart(folder, place, envOf(addresses))
  await build({ root: folder, configFile: false, logLevel: 'warn' })
  const files = filesOf(join(folder, 'dist'))
  const html = files.get('/index.html')?.toString() ?? ''
  // Before the page's own script, and under the policy that stands above it.
  files.set(
    '/index.html',
    Buffer.from(html.replace('<title>', '<script src="/watch.js"></script><title>')),
  )
  files.set('/watch.js', readFileSync(new URL('./spa-plain/watch.js', import.meta.url)))
  return files
}
