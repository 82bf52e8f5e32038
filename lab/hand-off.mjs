// @ts-check
// Signed in at one domain, signed in at another: in a real browser that blocks third-party cookies, and as thieves would
// have it.
import { hash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createFormBrowser, TEST_USERS } from '@coatcheck/dev'
import { temporaryFolder } from '../test/support/dev-process.ts'
import { send } from '../test/support/send.ts'
import { openBrowser } from './browsers/browsers.mjs'
import { signInWith } from './browsers/sign-in.mjs'
import { startSites, visit } from './hand-off/sites.mjs'

export const name = 'hand-off'
export const about =
  'one sign-in for two domains, third-party cookies blocked; and codes that are stolen, replayed, late or meant for another site'
export const aim = 'the person is signed in at both and signed out at both; no thief is signed in'
export const needs = ['browser']

const AT_ONCE = 1000
const CODE_MS = 30_000
const [ADA, GRACE] = ['Ada Lovelace', 'Grace Hopper']

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

/**
 * @param {Sites} sites
 * @param {LabPage} person
 * @param {LabPage} thief
 * @param {(what: string, seen: string, expected: string) => void} note
 */
async function attacked(sites, person, thief, note) {
  const { source, target, time } = sites
  /** What the server makes of a page load, without a browser. @param {string} url @param {string} cookie */
  const answerTo = async (url, cookie) => {
    const answer = await visit(url, cookie)
    const [, code = ''] = /<code>(\w+)<\/code>/.exec(await answer.text()) ?? []
    return answer.status === 303 ? 'sent on' : code
  }

  const stolen = await steal(sites, person)
  await thief.goto(stolen.url)
  note('a stolen code in the browser of a thief', await codeOn(thief), 'sign_in_unknown')
  note('who is nobody at the target', await whoIs(thief, target.origin), 'nobody')

  const own = await beginAsThief(target.origin)
  const mixed = new URL(stolen.url)
  mixed.searchParams.set('state', own.state)
  note(
    'a stolen code in a hand-off of the thief',
    await answerTo(mixed.href, own.cookie),
    'hand_off_code_refused',
  )

  const replayed = await steal(sites, person)
  note('the very browser', await answerTo(replayed.url, replayed.cookie), 'sent on')
  note('the same once more', await answerTo(replayed.url, replayed.cookie), 'sign_in_expired')

  const late = await steal(sites, person)
  time.skewMs += CODE_MS + 1000
  note('half a minute later', await answerTo(late.url, late.cookie), 'hand_off_code_refused')
  time.skewMs -= CODE_MS + 1000

  const verifier = 'a-verifier-of-43-characters-that-we-have-made'
  const misdirected = await codeFor(sites, person, verifier)
  note(
    'the server of another partner',
    await resultOf(sites.redeem('other', { code: misdirected, verifier })),
    'hand_off_code_refused',
  )
  note(
    'after which the code is gone for everybody',
    await resultOf(sites.redeem('target', { code: misdirected, verifier })),
    'hand_off_code_refused',
  )
  const guessed = await codeFor(sites, person, verifier)
  note(
    'the target without the verifier of the browser',
    await resultOf(sites.redeem('target', { code: guessed, verifier: 'another' })),
    'hand_off_code_refused',
  )

  // Signed in as somebody else without knowing it: what one types from then on, that person reads.
  await signInAs(thief, source.origin, 1)
  note('the thief is signed in as another person', await whoIs(thief, source.origin), GRACE)
  const planted = await steal(sites, thief)
  await person.goto(planted.url)
  note('a planted code in the browser of its victim', await codeOn(person), 'sign_in_unknown')
  note('who stays who she is', await whoIs(person, target.origin), ADA)
}

/** @param {Sites} sites @param {LabPage} page @param {(what: string, seen: string, expected: string) => void} note */
async function manyAtOnce(sites, page, note) {
  const { target } = sites
  const verifier = 'a-verifier-of-43-characters-that-we-have-made'
  const code = await codeFor(sites, page, verifier)
  const redeemed = await Promise.all(
    Array.from({ length: AT_ONCE }, () => resultOf(sites.redeem('target', { code, verifier }))),
  )
  const good = redeemed.filter((result) => result === 'redeemed').length
  note(`${AT_ONCE} redemptions of one code at once`, `${good} good`, '1 good')

  const { url, cookie } = await steal(sites, page)
  const before = target.created()
  const answers = await Promise.all(Array.from({ length: AT_ONCE }, () => visit(url, cookie)))
  const sentOn = answers.filter(({ status }) => status === 303)
  note(`${AT_ONCE} callbacks with one code at once`, `${sentOn.length} sent on`, '1 sent on')
  for (const answer of sentOn) await finish(target.origin, answer)
  const created = target.created() - before
  note('sessions that come of it', String(created), '1')
}

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

/** A code on its way to the target, and the cookie that would have come with it. @param {Sites} sites @param {LabPage} page */
async function steal({ target }, page) {
  target.catchCodes(true)
  await page.goto(`${target.origin}/`)
  await page.click('#hand-off')
  await comesTo(page, `${target.origin}/auth/hand-off/callback`)
  target.catchCodes(false)
  return target.lastCaught()
}

/** A code for a verifier that we know. @param {Sites} sites @param {LabPage} page @param {string} verifier */
async function codeFor({ source, target }, page, verifier) {
  const url = new URL('/auth/hand-off/authorize', source.origin)
  url.search = new URLSearchParams({
    response_type: 'code',
    client_id: target.origin,
    state: 'state',
    code_challenge: hash('sha256', verifier, 'base64url'),
    code_challenge_method: 'S256',
  }).toString()
  target.catchCodes(true)
  await page.goto(`${source.origin}/`)
  await page.start(`location.assign('${url.href}')`)
  await comesTo(page, `${target.origin}/auth/hand-off/callback`)
  target.catchCodes(false)
  return new URL(target.lastCaught().url).searchParams.get('code') ?? ''
}

/** @param {string} origin */
async function beginAsThief(origin) {
  const url = new URL('/auth/hand-off?return=/', origin)
  const { host } = url
  url.hostname = '127.0.0.1'
  const headers = {
    host,
    'sec-fetch-site': 'same-origin',
    'sec-fetch-mode': 'navigate',
    'sec-fetch-dest': 'document',
  }
  const answer = await send(url.href, { headers })
  const location = new URL(answer.headers.get('location') ?? 'about:blank')
  return { state: location.searchParams.get('state') ?? '', cookie: cookiesOf(answer) }
}

/** Follows the one good answer to its end. @param {string} origin @param {Response} answer */
async function finish(origin, answer) {
  const browser = createFormBrowser()
  const callback = `${origin}/auth/callback`
  const cookie = cookiesOf(answer)
  const first = await browser.open(answer.headers.get('location') ?? '', callback)
  // This browser knows nobody: the provider says so, and is asked again for a person.
  const again = await visit(`${first.url}&coatcheck-hop=1`, cookie)
  const login = await browser.open(again.headers.get('location') ?? '', callback)
  const [ada] = TEST_USERS
  const fields = { username: ada?.username ?? '', password: ada?.password ?? '', choice: 'go' }
  const back = await browser.submit(login, fields, callback)
  await visit(`${back.url}&coatcheck-hop=1`, cookiesOf(again))
}

/** @param {Response} answer */
function cookiesOf(answer) {
  const pairs = answer.headers.getSetCookie().map((line) => line.slice(0, line.indexOf(';')))
  return pairs.filter((pair) => !pair.endsWith('=')).join('; ')
}

/** @param {Promise<unknown>} redeeming */
async function resultOf(redeeming) {
  try {
    await redeeming
    return 'redeemed'
  } catch (error) {
    return String(/** @type {{ code?: string }} */ (error).code)
  }
}

/** @param {LabPage} page @param {string} origin @param {number} index */
async function signInAs(page, origin, index) {
  const user = TEST_USERS[index]
  await page.goto(`${origin}/auth/sign-in?return=/`)
  await page.click('a.action')
  await page.fill('#username', user?.username ?? '')
  await page.fill('#password', user?.password ?? '')
  await page.click('button[value=go]')
  await comesTo(page, `${origin}/`)
}

/** @param {LabPage} page */
function codeOn(page) {
  return page.evaluate("document.querySelector('code')?.textContent ?? document.title")
}

/** Whether a page of the target can send a cookie of the source. @param {Sites} sites @param {LabPage} page */
async function probe({ source, target }, page) {
  await page.goto(`${source.origin}/probe`)
  await page.goto(`${target.origin}/`)
  return page.evaluate(
    `fetch('${source.origin}/probe', { credentials: 'include' }).then((answer) => answer.text())`,
  )
}

/** @param {LabPage} page @param {string} address */
async function comesTo(page, address) {
  for (let tries = 0; tries < 100 && !(await page.url()).startsWith(address); tries += 1) {
    await pause(100)
  }
}

/** By way of the provider. @param {LabPage} page @param {string} address */
async function comesBackTo(page, address) {
  for (let tries = 0; tries < 100; tries += 1) {
    await pause(100)
    const isNew = `location.href === '${address}' && window.isOld === undefined && document.readyState`
    if ((await page.evaluate(isNew).catch(() => false)) === 'complete') return
  }
}

/** Whether the page's server knows somebody, once what is under way has come. @param {LabPage} page @param {string} origin */
async function becomes(page, origin) {
  for (let tries = 0; tries < 50; tries += 1) {
    await pause(100)
    if ((await whoIs(page, origin)) === 'nobody') return 'nobody'
  }
  return whoIs(page, origin)
}

/** @param {LabPage} page @param {string} origin @returns {Promise<string>} */
async function whoIs(page, origin) {
  await page.goto(`${origin}/`)
  return page.evaluate(
    "fetch('/auth/session', { headers: { 'x-coatcheck': '1' } }).then((answer) => answer.json()).then(({ claims }) => claims?.name ?? 'nobody')",
  )
}

/** @param {number} ms */
function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
