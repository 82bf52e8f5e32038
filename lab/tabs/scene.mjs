// @ts-check
// What mishaps play with: a page and its provider, and words for what is not as it should be.
import { createTrustingFetch, requestPublicTokens } from '@coatcheck/dev'
import { until } from '../spa/steps.mjs'

/**
 * @typedef {import('../browsers/browsers.mjs').LabPage} LabPage
 * @typedef {{
 *   page: LabPage,
 *   url: string,
 *   site: import('../spa/site.mjs').SpaSite,
 *   ledger: import('./ledger.mjs').Ledger,
 * }} Scene
 * @typedef {{ wrong: string[], seen: string }} Outcome
 * @typedef {{ what: string, place: string, isQuick?: boolean, play: (scene: Scene) => Promise<Outcome> }} Mishap
 */

/** A call of the API, as the page makes it. */
export const CALL = "lab.call('orders')"

/** @param {number} ms */
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
/** @param {LabPage} page */
export const stateOf = async (page) => (await page.evaluate('lab.state()')).state
/** @param {LabPage} page @param {string} state */
export const becomes = (page, state) => until(async () => (await stateOf(page)) === state)
/** @param {LabPage} page */
export const call = async (page) => {
  const { status, error } = await page.evaluate(CALL)
  return String(status ?? error)
}
/**
 * The first that is not as it should be, in words.
 * @param {readonly (readonly [string, unknown, unknown])[]} checks
 */
export const differing = (checks) =>
  checks
    .filter(([, seen, should]) => String(seen) !== String(should))
    .map(([what, seen, should]) => `${what} is ${seen}, not ${should}`)

/**
 * Revokes as somebody else would: an operator, or a thief's use that was noticed.
 * @param {import('../spa/site.mjs').SpaSite} site
 * @param {string} token
 */
export async function revoke(site, token) {
  await requestPublicTokens(clientOf(site), { token }, '/token/revocation')
}

/**
 * Whether the provider still takes a refresh token: it is spent by asking.
 * @param {import('../spa/site.mjs').SpaSite} site
 * @param {string} token
 */
export async function isAlive(site, token) {
  const grant = { grant_type: 'refresh_token', refresh_token: token }
  return (await requestPublicTokens(clientOf(site), grant)).status === 200
}

/** @param {import('../spa/site.mjs').SpaSite} site */
function clientOf({ provider, origin, certificate }) {
  return { provider, client: { clientId: 'spa', origin }, fetch: createTrustingFetch(certificate) }
}
