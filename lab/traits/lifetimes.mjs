// @ts-check
// How long and how far a sign-in reaches: over reloads, tabs, hosts and the end of the browser.
import { keepsProfile, openBrowser } from '../browsers/browsers.mjs'
import { inject, listTokens } from '../hostile-script/stage.mjs'
import { isReady, signIn, until } from '../spa/steps.mjs'
import { rowOf } from './row.mjs'

/** @typedef {import('../browsers/browsers.mjs').LabPage} LabPage */
/** @typedef {import('../hostile-script/stage.mjs').Stage} Stage */
/** @typedef {import('../../packages/coatcheck/src/browser/token-store.ts').TokenStoreTraits} Traits */

const SUBDOMAIN = 'sub.example.localhost'
// A browser writes its cookies a moment after they were set.
const WRITTEN_MS = 1500

/**
 * @param {{ browser: string, place: string, stage: Stage, profile: string, withRestart: boolean }} options
 */
export async function lifetimeRows({ browser, place, stage, profile, withRestart }) {
  const { origin, port } = stage.site
  const url = `${origin}/${place}/`
  stage.canaries.forget()
  stage.site.requests.splice(0)
  const first = await openBrowser(browser, profile)
  let isOpen = true
  try {
    await signIn(first.page, url)
    /** @type {Traits} */
    const traits = await first.page.evaluate('lab.tokens.traits')
    const row = (/** @type {keyof Traits} */ trait, /** @type {unknown} */ seen) =>
      rowOf(place, trait, traits[trait], seen)
    /** @type {import('./row.mjs').Row[]} */
    const rows = [await readableRow(first.page, stage, place, traits)]
    if (place === 'memory') rows.push(await plantedRow(first.page, stage, place))

    await first.page.evaluate("fetch('/anything').then(() => true)")
    const sent = stage.canaries.kindsIn(stage.site.requests.join('\n'))
    rows.push(row('sentByBrowser', sent.length > 0))

    const second = await first.page.popup('#tab')
    rows.push(row('sharedWithTabs', await isSignedIn(second)))
    await second.goto(`https://${SUBDOMAIN}:${port}/${place}/`)
    rows.push(row('sharedWithSubdomains', await isSignedIn(second)))
    await second.goto(url)
    await first.page.close()
    const third = await second.popup('#tab')
    rows.push(row('survivesTabClose', await isSignedIn(third)))

    await signInAgain(third)
    await third.reload()
    rows.push(row('survivesReload', await isSignedIn(third)))
    if (!withRestart) return rows
    if (!keepsProfile(browser)) {
      const seen = 'not checked: it keeps no profile'
      return [...rows, { ...row('survivesBrowserClose', seen), ok: true }]
    }
    await signInAgain(third)
    await new Promise((resolve) => setTimeout(resolve, WRITTEN_MS))
    await first.close()
    isOpen = false
    rows.push(row('survivesBrowserClose', await survivesIn(browser, profile, url)))
    return rows
  } finally {
    if (isOpen) await first.close()
  }
}

/**
 * @param {string} browser
 * @param {string} profile
 * @param {string} url
 */
async function survivesIn(browser, profile, url) {
  const { page, close } = await openBrowser(browser, profile)
  try {
    await page.goto(url)
    return await isSignedIn(page)
  } finally {
    await close()
  }
}

/**
 * A script finds both tokens by listing, or none. What patched built-ins see is for the lab `hostile-script`.
 * @param {LabPage} page
 * @param {Stage} stage
 * @param {string} place
 * @param {Traits} traits
 */
async function readableRow(page, stage, place, { readableByScript: said }) {
  await inject(page)
  const { kinds } = await listTokens(page, stage)
  const isBoth = kinds.includes('access_token') && kinds.includes('refresh_token')
  const seen = isBoth ? 'access and refresh token listed' : `${kinds.length} tokens listed`
  const ok = said === 'always' ? isBoth : kinds.length === 0
  return { place, trait: 'readableByScript', said, seen, ok }
}

/**
 * The control: the same search finds a token that was put into `localStorage`.
 * @param {LabPage} page
 * @param {Stage} stage
 * @param {string} place
 */
async function plantedRow(page, stage, place) {
  const token = JSON.stringify(stage.canaries.latest().access_token)
  await page.evaluate(`void localStorage.setItem('planted', ${token})`)
  const { kinds } = await listTokens(page, stage)
  await page.evaluate("void localStorage.removeItem('planted')")
  return rowOf(place, 'control: a planted token is found', true, kinds.includes('access_token'))
}

/** @param {LabPage} page */
async function isSignedIn(page) {
  await isReady(page)
  return (await page.evaluate('lab.state()')).state === 'signed_in'
}

/** Where the last step ended a sign-in: once more, at the provider that still knows the person. @param {LabPage} page */
async function signInAgain(page) {
  if (await isSignedIn(page)) return
  await page.start('lab.signIn()')
  await until(async () => (await page.evaluate('lab.state()')).state === 'signed_in')
}
