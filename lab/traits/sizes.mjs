// @ts-check
// How much fits into a place, and what becomes of a sign-in that does not.
import { signIn, until } from '../spa/steps.mjs'
import { rowOf } from './row.mjs'

/** @typedef {import('../browsers/browsers.mjs').LabPage} LabPage */
/** @typedef {{ page: LabPage, site: import('../spa/site.mjs').SpaSite, place: string }} Scene */

const PROBE = 8000
const LARGE = 12_000
const MEBIBYTE = 1_048_576
// Enough for what a sign-in remembers on its way, and too little for its tokens.
const SPARE_CHARACTERS = 900

/** @type {Record<string, string>} */
const STORAGES = { local_storage: 'localStorage', session_storage: 'sessionStorage' }

/**
 * A cookie to the byte: the largest entry that fits is kept, one byte more is refused in numbers, and ended at the provider.
 * @param {Scene} scene
 * @param {import('./large-issuer.mjs').LargeIssuer} issuer
 */
export async function cookieRows({ page, site, place }, issuer) {
  const { clientId } = site.settings
  await page.goto(`${site.origin}/${place}/`)
  await until(() => page.evaluate("typeof lab === 'object'"))
  const limit = (await page.evaluate('lab.tokens.traits')).maxBytes
  const accept = (/** @type {number} */ characters) =>
    page.evaluate(
      `lab.tokens.accept(${JSON.stringify(issuer.answer(clientId, characters))}).then(({ state }) => state, ({ code, message }) => code + ': ' + message)`,
    )
  const needed = async (/** @type {number} */ characters) =>
    Number(/need (\d+) bytes/.exec(await accept(characters))?.[1])
  const most = PROBE - ((await needed(PROBE)) - limit)
  const fits = await accept(most)
  await page.reload()
  await until(() => page.evaluate("typeof lab === 'object'"))
  const { state } = await page.evaluate('lab.state()')
  const refused = await accept(most + 1)
  const names = [limit, limit + 1].every((bytes) => refused.includes(String(bytes)))
  const left = await page.evaluate('lab.state()')
  const isRevoked = await until(async () => issuer.isRevoked('r'.repeat(most + 1))).catch(
    () => false,
  )
  return [
    rowOf(
      place,
      'maxBytes',
      `${limit} bytes kept`,
      `${state === 'signed_in' ? limit : fits} bytes kept`,
    ),
    rowOf(
      place,
      'maxBytes, one more',
      `token_store_too_small, with both numbers; signed_out; revoked`,
      `${refused.split(':')[0]}, ${names ? 'with both numbers' : refused}; ${left.state}; ${isRevoked ? 'revoked' : 'not revoked'}`,
    ),
  ]
}

/**
 * Where nobody counts, tokens are kept that fit into no cookie.
 * @param {Scene} scene
 * @param {import('./large-issuer.mjs').LargeIssuer} issuer
 */
export async function uncountedRows({ page, site, place }, issuer) {
  await page.goto(`${site.origin}/${place}/`)
  await until(() => page.evaluate("typeof lab === 'object'"))
  const answer = issuer.answer(site.settings.clientId, LARGE)
  const { maxBytes } = await page.evaluate('lab.tokens.traits')
  const { state, notStored = 'kept' } = await page.evaluate(`lab.accept(${JSON.stringify(answer)})`)
  const said = maxBytes === undefined ? 'not counted: signed_in, kept' : String(maxBytes)
  return [rowOf(place, 'maxBytes', said, `not counted: ${state}, ${notStored}`)]
}

/**
 * Web Storage filled to the brim: how much went in, and a sign-in while it is full.
 * @param {Scene} scene
 */
export async function quotaRows({ page, site, place }) {
  const storage = STORAGES[place] ?? ''
  const url = `${site.origin}/${place}/`
  site.scripts.splice(0, 1, '/places.js')
  await page.goto(url)
  await until(() => page.evaluate("typeof lab === 'object'"))
  const limit = (await page.evaluate('lab.tokens.traits')).maxBytes
  const characters = await page.evaluate(`places.fill(${storage}, ${SPARE_CHARACTERS})`)
  await signIn(page, url)
  const { state, notStored } = await page.evaluate('lab.state()')
  const { status } = await page.evaluate("lab.call('orders')")
  const crashes = await page.evaluate('places.crashes.length')
  await page.evaluate(`void places.empty(${storage})`)
  site.scripts.splice(0)
  return [
    rowOf(place, 'maxBytes', inMebibytes(limit), inMebibytes(characters * 2)),
    rowOf(
      place,
      'a sign-in while it is full',
      'signed_in, quota_exceeded; a call: 200; 0 errors',
      `${state}, ${notStored}; a call: ${status}; ${crashes} errors`,
    ),
  ]
}

// Names count, too, and the last piece never fits to the byte.
function inMebibytes(/** @type {number} */ bytes) {
  return `${(bytes / MEBIBYTE).toFixed(1)} MiB`
}
