// @ts-check
// Many tabs of one browser, all calling the API, while access tokens end every few seconds.
import { isReady, signIn, until } from '../spa/steps.mjs'

/**
 * @typedef {import('../browsers/browsers.mjs').LabPage} LabPage
 * @typedef {import('../spa/site.mjs').SpaSite} SpaSite
 * @typedef {import('./ledger.mjs').Ledger} Ledger
 * @typedef {{ counts: Record<string, number>, heard: string[], states: string[] }} Report
 */

const PAUSE_MS = 250

/**
 * Opens tabs beside the first: each a window of its own, as a person opens them, with nothing copied.
 * @param {LabPage} page
 * @param {number} count
 * @returns {Promise<LabPage[]>}
 */
export async function openTabs(page, count) {
  const tabs = []
  for (let index = 0; index < count; index += 1) tabs.push(await page.popup('#tab'))
  for (const tab of tabs) await isReady(tab)
  return tabs
}

/**
 * Lets all tabs work until the provider has renewed often enough, and gives back what each has seen.
 * @param {{ tabs: readonly LabPage[], ledger: Ledger, renewals: number, secondsEach: number }} options
 * @returns {Promise<Report[]>}
 */
export async function workUntil({ tabs, ledger, renewals, secondsEach }) {
  for (const tab of tabs) await tab.evaluate(`lab.work(${PAUSE_MS})`)
  const patience = (renewals * secondsEach + 60) * 1000
  await until(async () => ledger.renewed() >= renewals, patience).catch(() => {})
  for (const tab of tabs) await tab.evaluate('lab.rest()')
  // What is under way comes to its end.
  await new Promise((resolve) => setTimeout(resolve, 1500))
  return Promise.all(tabs.map((tab) => tab.evaluate('lab.report()')))
}

/**
 * Opens tabs of which each signs in by itself: the first by the provider's form, the others by the provider's session.
 * @param {LabPage} page
 * @param {string} url
 * @param {number} count
 * @returns {Promise<LabPage[]>}
 */
export async function openTabsSignedIn(page, url, count) {
  // While it is the only one: a browser may let a tab in the background wait.
  await signIn(page, url)
  const others = await openTabs(page, count)
  for (const tab of others) {
    await tab.start("lab.signIn({ prompt: 'none' })")
    await until(() => tab.evaluate("lab.state().then(({ state }) => state === 'signed_in')"))
  }
  return [page, ...others]
}

/**
 * What went wrong in a crowd, in words: nothing, if all is well.
 * @param {readonly Report[]} reports
 * @param {Ledger} ledger
 */
export function faultsOf(reports, ledger) {
  const wrong = []
  const bad = reports.flatMap(({ counts }) =>
    Object.entries(counts).filter(([status]) => status !== '200'),
  )
  if (bad.length > 0) wrong.push(`answers ${JSON.stringify(bad)}`)
  const out = reports.filter(({ states }) => states.includes('signed_out')).length
  if (out > 0) wrong.push(`${out} tabs were signed out`)
  if (ledger.doubled() > 0) wrong.push(`${ledger.doubled()} refresh tokens sent twice`)
  if (ledger.refused() > 0) wrong.push(`${ledger.refused()} refused`)
  const said = reports.flatMap(({ heard }) => heard).join('\n')
  const leaked = ledger.secrets.filter((secret) => said.includes(secret)).length
  if (leaked > 0) wrong.push(`${leaked} tokens on the channel`)
  return wrong
}
