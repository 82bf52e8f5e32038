// @ts-check
// What thieves do with codes, and what a thousand requests at once do.
import { createFormBrowser, TEST_USERS } from '@coatcheck/dev'
import { visit } from './sites.mjs'
import { codeFor, comesTo, steal, whoIs } from './steps.mjs'

/**
 * @typedef {Awaited<ReturnType<typeof import('./sites.mjs').startSites>>} Sites
 * @typedef {import('../browsers/browsers.mjs').LabPage} LabPage
 */

const AT_ONCE = 1000
const CODE_MS = 30_000
const [ADA, GRACE] = ['Ada Lovelace', 'Grace Hopper']

/**
 * @param {Sites} sites
 * @param {LabPage} person
 * @param {LabPage} thief
 * @param {(what: string, seen: string, expected: string) => void} note
 */
export async function attacked(sites, person, thief, note) {
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
export async function manyAtOnce(sites, page, note) {
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

/** @param {string} origin */
async function beginAsThief(origin) {
  const answer = await visit(`${origin}/auth/hand-off?return=/`, '', 'same-origin')
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
