// @ts-check
// Browsers that refuse a place: private modes, settings, frames. The page works on, and is told.
import { signIn, until } from '../spa/steps.mjs'
import { rowOf } from './row.mjs'

/** @typedef {import('./sizes.mjs').Scene} Scene */

const KEPT = 'signed_in, storage_unavailable; a call: 200; 0 errors'
const NOT_BEGUN =
  'sign_in_unavailable; an answer of a login: signed_in, storage_unavailable; 0 errors'

/**
 * The place of the tokens is refused, and nothing else: the sign-in comes to its end.
 * @param {Scene} scene
 */
export async function refusedPlaceRows({ page, site, place }) {
  const fault = place.startsWith('script_cookie') ? 'cookie' : 'entry'
  site.scripts.splice(0, 1, `/places.js?${fault}`)
  await signIn(page, `${site.origin}/${place}/`)
  const { state, notStored } = await page.evaluate('lab.state()')
  const { status } = await page.evaluate("lab.call('orders')")
  const crashes = await page.evaluate('places.crashes.length')
  site.scripts.splice(0)
  const seen = `${state}, ${notStored}; a call: ${status}; ${crashes} errors`
  return [rowOf(place, 'a sign-in while the place is refused', KEPT, seen)]
}

/**
 * All of Web Storage is refused, in both ways that browsers have: no sign-in by redirect can begin, and it says so.
 * @param {Scene} scene
 * @param {import('./large-issuer.mjs').LargeIssuer} issuer
 */
export async function refusedStorageRows({ page, site, place }, issuer) {
  const rows = []
  for (const [fault, what] of [
    ['all', 'each write'],
    ['getter', 'each look'],
  ]) {
    site.scripts.splice(0, 1, `/places.js?${fault}`)
    await page.goto(`${site.origin}/${place}/`)
    await until(() => page.evaluate("typeof lab === 'object'"))
    await page.start('lab.signIn()')
    const begun = await until(() => page.evaluate('lab.states.find(({ error }) => error)?.error'))
    const answer = issuer.answer(site.settings.clientId, 40)
    const accepted = await page.evaluate(`lab.accept(${JSON.stringify(answer)})`)
    const crashes = await page.evaluate('places.crashes.length')
    const { state, notStored = 'kept' } = accepted
    const seen = `${begun}; an answer of a login: ${state}, ${notStored}; ${crashes} errors`
    const isKept = !/_storage$/.test(place)
    const said = isKept ? NOT_BEGUN.replace('storage_unavailable', 'kept') : NOT_BEGUN
    rows.push(rowOf(place, `a sign-in while Web Storage refuses ${what}`, said, seen))
  }
  site.scripts.splice(0)
  return rows
}
