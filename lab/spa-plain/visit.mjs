// @ts-check
// What a person does with the quickstart, step by step, and what must come of each.
import { TEST_USERS } from '@coatcheck/dev'
import { until } from '../spa/steps.mjs'

/**
 * `isForgetful`: the place is empty after a reload. `grants` is how many codes were redeemed so far; `row` takes what was
 * done, what came of it, and what was wrong.
 * @typedef {{
 *   page: import('../browsers/browsers.mjs').LabPage,
 *   site: import('./site.mjs').PlainSite,
 *   isForgetful: boolean,
 *   grants: () => number,
 *   row: (what: string, seen: string, wrong: readonly string[]) => void,
 * }} Visit
 * @typedef {{ loads: number, grants: number }} Cost
 */

const [ADA] = TEST_USERS
const text = (/** @type {string} */ selector) =>
  `document.querySelector('${selector}')?.textContent`
const SIGNED_IN = `${text('#who')} === 'Ada Lovelace is signed in' && document.querySelectorAll('#orders tbody tr').length === 3`
const SIGNED_OUT = `${text('#who')} === 'Nobody is signed in'`
const LOADED = "document.readyState === 'complete'"
const HAS_FORM = `${LOADED} && document.querySelector('#username') !== null`
// A page with a script answers its own question.
const ASKS = `${LOADED} && document.querySelector('button[value=yes]') !== null && document.querySelector('script') === null`
// All places of a page beside databases; what this lab has noted is not the page's.
const LEFT =
  "[...Object.keys(localStorage), ...Object.keys(sessionStorage), ...document.cookie.split(';')].map((key) => key.trim().split('=')[0]).filter((key) => key !== '' && key !== 'lab').join(' ')"

/** @param {Visit} visit */
export async function visitApp({ page, site, isForgetful, grants, row }) {
  const home = `${site.origin}/`
  const loads = () => site.requests.filter(({ path }) => path === '/index.html').length
  const press = (/** @type {string} */ id) => page.start(`document.querySelector('#${id}').click()`)
  const becomes = (/** @type {string} */ state) => until(() => page.evaluate(state))

  /**
   * Does it, and looks where it led and what it cost.
   * @param {string} what
   * @param {string | (() => string)} seen
   * @param {Cost} cost
   * @param {() => Promise<unknown>} act
   * @param {() => Promise<readonly string[]>} [look]
   */
  async function step(what, seen, cost, act, look = async () => []) {
    const before = { loads: loads(), grants: grants() }
    const error = await act().then(
      () => '',
      (reason) => String(reason.message).split('\n')[0],
    )
    const wrong = differing([
      ['what went wrong', error, ''],
      ['the address', await page.url(), home],
      ['the notice', (await page.evaluate(text('#notice')).catch(() => '')) ?? '', ''],
      ['page loads', loads() - before.loads, cost.loads],
      ['codes redeemed', grants() - before.grants, cost.grants],
    ])
    row(what, typeof seen === 'string' ? seen : seen(), [
      ...wrong,
      ...(await look().catch((reason) => [String(reason)])),
    ])
  }

  const signIn = async () => {
    await press('sign-in')
    // Whoever is still signed in at the provider would never see it.
    await becomes(HAS_FORM)
    await page.fill('#username', ADA?.username ?? '')
    await page.fill('#password', ADA?.password ?? '')
    await page.click('button[value=go]')
    await becomes(SIGNED_IN)
  }
  const reload = async (/** @type {string} */ state) => {
    await page.reload()
    await becomes(state)
  }

  let isAsked = false
  const signOut = async () => {
    const before = loads()
    const isBack = async () => loads() > before && (await page.evaluate(SIGNED_OUT))
    await press('sign-out')
    await until(async () => (await isBack()) || (await page.evaluate(ASKS)))
    isAsked = await page.evaluate(ASKS)
    if (isAsked) await page.click('button[value=yes]')
    await until(isBack)
  }

  await step('comes for the first time', 'signed out', { loads: 1, grants: 0 }, async () => {
    await page.goto(home)
    await becomes(SIGNED_OUT)
  })
  await step('signs in', 'orders', { loads: 1, grants: 1 }, signIn)
  await step('calls again', 'orders', { loads: 0, grants: 0 }, async () => {
    await page.evaluate("void document.querySelector('#orders tbody').replaceChildren()")
    await press('call')
    await becomes(SIGNED_IN)
  })
  const again = isForgetful ? { loads: 2, grants: 1 } : { loads: 1, grants: 0 }
  const how = isForgetful ? 'signed in without a question' : 'still signed in'
  await step('loads again, signed in', how, again, () => reload(SIGNED_IN))
  await step(
    'signs out',
    () => `at the provider, too, which has ${isAsked ? 'asked' : 'not asked'}`,
    { loads: 1, grants: 0 },
    signOut,
    async () => differing([['what is left here', await page.evaluate(LEFT), '']]),
  )
  await step('loads again, signed out', 'still signed out', { loads: 1, grants: 0 }, () =>
    reload(SIGNED_OUT),
  )
  await step('signs in again', 'the provider asks who', { loads: 1, grants: 1 }, signIn)

  if (isForgetful) {
    await page.goto(`${site.issuer}/session/end`)
    await page.click('button[value=yes]')
    const before = loads()
    await step('the provider has forgotten', 'asked once', { loads: 2, grants: 0 }, async () => {
      await page.goto(home)
      await until(async () => loads() - before >= 2)
      await becomes(SIGNED_OUT)
    })
    // Once is enough: no page that goes to and fro for ever.
    await step('and once more', 'not asked any more', { loads: 1, grants: 0 }, () =>
      reload(SIGNED_OUT),
    )
  }

  const notes = JSON.parse((await page.evaluate("sessionStorage.getItem('lab')")) ?? '[]')
  const missing = site.requests.filter(({ status }) => status !== 200).map(({ path }) => path)
  row('all in all', 'no error, no violation, no missing file', [...notes, ...missing])
}

/**
 * @param {readonly (readonly [string, unknown, unknown])[]} checks
 * @returns {string[]}
 */
function differing(checks) {
  return checks
    .filter(([, seen, should]) => seen !== should)
    .map(([what, seen, should]) => `${what}: ${seen}, not ${should === '' ? 'nothing' : should}`)
}
