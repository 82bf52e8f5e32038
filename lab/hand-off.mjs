// @ts-check
// Signed in at one domain, signed in at another: in a real browser that blocks third-party cookies, and as thieves would
// have it.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from '../test/support/dev-process.ts'
import { openBrowser } from './browsers/browsers.mjs'
import { signInWith } from './browsers/sign-in.mjs'
import { attacked, manyAtOnce } from './hand-off/attacks.mjs'
import { startSites } from './hand-off/sites.mjs'
import { becomes, comesBackTo, comesTo, probe, whoIs } from './hand-off/steps.mjs'

export const name = 'hand-off'
export const about =
  'one sign-in for two domains, third-party cookies blocked; and codes that are stolen, replayed, late or meant for another site'
export const aim = 'the person is signed in at both and signed out at both; no thief is signed in'
export const needs = ['browser']

const ADA = 'Ada Lovelace'

/**
 * @typedef {Awaited<ReturnType<typeof startSites>>} Sites
 * @typedef {import('./browsers/browsers.mjs').LabPage} LabPage
 * @typedef {{ what: string, seen: string, expected: string }} Seen
 */

/** @param {{ seconds: number, log: (line: string) => void }} options */
export async function run({ log }) {
  const sites = await startSites()
  const [own, foreign] = [temporaryFolder(), temporaryFolder()]
  setThirdPartyCookies(own.path, 'blocked')
  setThirdPartyCookies(foreign.path, 'allowed')
  const person = await openBrowser('chromium', own.path)
  const thief = await openBrowser('chromium', foreign.path)
  /** @type {Seen[]} */
  const rows = []
  /** @param {string} what @param {string} seen @param {string} expected */
  const note = (what, seen, expected) => {
    if (seen !== expected) log(`${what}: ${seen}, and not ${expected}`)
    rows.push({ what, seen, expected })
  }
  try {
    await signInWith(person.page, sites.source.origin)
    note(
      'third-party cookies, as this browser is set',
      await probe(sites, person.page),
      'none sent',
    )
    note('and where they are allowed', await probe(sites, thief.page), 'sent')
    await honest(sites, person.page, note)
    await attacked(sites, person.page, thief.page, note)
    await manyAtOnce(sites, person.page, note)
    await signedOut(sites, person.page, note)
  } finally {
    await person.close()
    await thief.close()
    await sites.close()
    for (const profile of [own, foreign]) profile.remove()
  }
  const right = rows.filter(({ seen, expected }) => seen === expected).length
  const value = `${right} of ${rows.length} as they should`
  return { rows, figures: [{ name, value, aim, ok: right === rows.length }] }
}

/** @param {string} profile @param {'blocked' | 'allowed'} are */
function setThirdPartyCookies(profile, are) {
  mkdirSync(join(profile, 'Default'), { recursive: true })
  const isBlocked = are === 'blocked'
  const preferences = {
    block_third_party_cookies: isBlocked,
    cookie_controls_mode: isBlocked ? 1 : 0,
  }
  writeFileSync(join(profile, 'Default/Preferences'), JSON.stringify({ profile: preferences }))
}

/** @param {Sites} sites @param {LabPage} page @param {(what: string, seen: string, expected: string) => void} note */
async function honest({ source, target }, page, note) {
  note('signed in at the source', await whoIs(page, source.origin), ADA)
  note('not at the target', await whoIs(page, target.origin), 'nobody')
  await page.goto(`${target.origin}/`)
  await page.click('#hand-off')
  await comesTo(page, `${target.origin}/account/`)
  note('a click at the target ends on its page', await page.url(), `${target.origin}/account/`)
  note('signed in at the target', await whoIs(page, target.origin), ADA)
  note('still at the source', await whoIs(page, source.origin), ADA)

  await page.start(`location.assign('${target.origin}/auth/hand-off?return=/account/')`)
  await comesTo(page, `${target.origin}/auth/hand-off?return=/account/`)
  note('a foreign page gets a page with a button', await page.evaluate('document.title'), BUTTON)
  await page.click('a.action')
  await comesTo(page, `${target.origin}/account/`)
  note('which leads to the page', await page.url(), `${target.origin}/account/`)
}

const BUTTON = 'Sign in to continue'

/** @param {Sites} sites @param {LabPage} page @param {(what: string, seen: string, expected: string) => void} note */
async function signedOut({ source, target }, page, note) {
  for (const [at, other] of [
    [source, target],
    [target, source],
  ]) {
    if (at === undefined || other === undefined) return
    if ((await whoIs(page, source.origin)) === 'nobody') await signInWith(page, source.origin)
    await page.goto(`${target.origin}/`)
    await page.click('#hand-off')
    await comesTo(page, `${target.origin}/account/`)
    await page.goto(`${at.origin}/`)
    await page.start("window.isOld = true; document.querySelector('#out').submit()")
    await comesBackTo(page, `${at.origin}/`)
    const name = at === source ? 'the source' : 'the target'
    const elsewhere = at === source ? 'the target' : 'the source'
    note(`signed out at ${name}`, await becomes(page, at.origin), 'nobody')
    note(`and so at ${elsewhere}`, await becomes(page, other.origin), 'nobody')
  }
}
