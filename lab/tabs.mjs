// @ts-check
// One sign-in in many tabs, and many sign-ins beside each other: who renews, how often, and what a tab that is copied, closed,
// stopped or cut off does to the others.
import { temporaryFolder } from '../test/support/dev-process.ts'
import { BROWSERS, openBrowser } from './browsers/browsers.mjs'
import { startSpaSite } from './spa/site.mjs'
import { signIn } from './spa/steps.mjs'
import { faultsOf, openTabs, openTabsSignedIn, workUntil } from './tabs/crowd.mjs'
import { createLedger } from './tabs/ledger.mjs'
import { MISHAPS } from './tabs/mishaps.mjs'
import { PERSONS } from './tabs/persons.mjs'

export const name = 'tabs'
export const about =
  'twenty tabs over thirty renewals, on each place; copies, closed and stopped tabs, lost answers, sign-out, another person'
export const choices = { browser: [...BROWSERS, 'all'] }
export const aim =
  'one token request for each renewal of a sign-in, nobody signed out, no token told'
export const needs = ['browser']

const SHARED = ['local_storage', 'script_cookie']
const OWN = ['memory', 'session_storage', 'worker']
// Half of it is left when a token is renewed.
const ACCESS_TOKEN_SECONDS = 6
const FULL = { tabs: 20, renewals: 30, ownTabs: 20, ownRenewals: 3 }
const SHORT = { ...FULL, tabs: 3, renewals: 2 }

/** @param {{ seconds: number, browser?: string, log: (line: string) => void }} options */
export async function run({ seconds, browser = 'chromium', log }) {
  const rows = []
  for (const each of browser === 'all' ? BROWSERS : [browser]) {
    rows.push(...(await tabsIn({ browser: each, isShort: seconds < 20, log })))
  }
  const good = rows.filter(({ ok }) => ok).length
  return {
    rows,
    figures: [
      { name: 'as it should be', value: good, aim: `${rows.length}`, ok: good === rows.length },
    ],
  }
}

/** @param {{ browser: string, isShort: boolean, log: (line: string) => void }} options */
async function tabsIn({ browser, isShort, log }) {
  const size = isShort ? SHORT : FULL
  const rows = []
  /** @type {(what: string, wrong: readonly string[], seen: string) => void} */
  const row = (what, wrong, seen) => {
    rows.push({ browser, what, seen, wrong: wrong.join('; '), ok: wrong.length === 0 })
    log(`${browser}: ${what}: ${wrong.length === 0 ? 'ok' : wrong.join('; ')} (${seen})`)
  }
  for (const place of isShort ? ['local_storage'] : SHARED) {
    await inBrowser(browser, async ({ site, ledger, page }) => {
      await signIn(page, `${site.origin}/${place}/`)
      const tabs = [page, ...(await openTabs(page, size.tabs - 1))]
      ledger.forget()
      const secondsEach = ACCESS_TOKEN_SECONDS / 2
      const reports = await workUntil({ tabs, ledger, renewals: size.renewals, secondsEach })
      const calls = reports.reduce((sum, { counts }) => sum + (counts['200'] ?? 0), 0)
      const wrong = faultsOf(reports, ledger)
      if (ledger.renewed() < size.renewals) wrong.push(`only ${ledger.renewed()} renewals`)
      // Nobody renews what was renewed a moment ago.
      const times = ledger.renewals().map(({ at }) => at)
      const least = Math.min(...times.slice(1).map((at, index) => at - (times[index] ?? 0)))
      if (least < (secondsEach * 1000) / 2) wrong.push(`two renewals within ${least} ms`)
      row(
        `T-BROWSER-03, T-BROWSER-05 ${place}: ${tabs.length} tabs share one sign-in`,
        wrong,
        `${ledger.renewals().length} token requests, ${ledger.renewed()} renewals, ${calls} calls`,
      )
    })
  }
  for (const place of isShort ? [] : OWN) {
    await inBrowser(browser, async ({ site, ledger, page }) => {
      const url = `${site.origin}/${place}/`
      const tabs = await openTabsSignedIn(page, url, size.ownTabs - 1)
      ledger.forget()
      const renewals = size.ownRenewals * tabs.length
      const reports = await workUntil({
        tabs,
        ledger,
        renewals,
        secondsEach: ACCESS_TOKEN_SECONDS / 2,
      })
      const wrong = faultsOf(reports, ledger)
      if (ledger.renewed() < renewals) wrong.push(`only ${ledger.renewed()} renewals`)
      row(
        `T-BROWSER-03, T-BROWSER-05 ${place}: ${tabs.length} tabs, each with a sign-in of its own`,
        wrong,
        `${ledger.renewals().length} token requests, ${ledger.renewed()} renewals`,
      )
    })
  }
  for (const { what, place, play, isQuick } of [...MISHAPS, ...PERSONS]) {
    if (isShort && isQuick !== true) continue
    await inBrowser(browser, async (scene) => {
      const { wrong, seen } = await play({ ...scene, url: `${scene.site.origin}/${place}/` })
      row(`${place}: ${what}`, wrong, seen)
    })
  }
  return rows
}

/**
 * A browser of its own for each, so that nothing is left over.
 * @param {string} browser
 * @param {(scene: { site: import('./spa/site.mjs').SpaSite, ledger: import('./tabs/ledger.mjs').Ledger, page: import('./browsers/browsers.mjs').LabPage }) => Promise<void>} play
 */
async function inBrowser(browser, play) {
  const ledger = createLedger()
  const profile = temporaryFolder()
  const site = await startSpaSite({ accessTokenSeconds: ACCESS_TOKEN_SECONDS, hooks: ledger.hooks })
  const { page, close } = await openBrowser(browser, profile.path)
  try {
    await play({ site, ledger, page })
  } finally {
    await close()
    await site.close()
    profile.remove()
  }
}
