// @ts-check
// What the client tells other tabs of its origin, and windows of another one.
import { isReady, signIn } from '../spa/steps.mjs'
import { inWords } from './canaries.mjs'
import { inject } from './stage.mjs'

/** @typedef {import('./after-load.mjs').Scene} Scene */
/** @typedef {import('./after-load.mjs').Row} Row */

/** A script in a second tab listens from now on. @param {Scene} scene */
export async function listenInTab({ page, stage }) {
  const { issuer, clientId } = stage.site.settings
  const tab = await page.popup('#tab')
  await isReady(tab)
  await inject(tab)
  await tab.evaluate(`hostile.listen('coatcheck:${issuer}:${clientId}')`)
  return tab
}

/**
 * @param {Scene} scene
 * @param {import('./stage.mjs').LabPage} tab
 * @returns {Promise<Row[]>}
 */
export async function toldRows({ stage, readable }, tab) {
  /** @type {[string, string][]} */
  const told = await tab.evaluate('hostile.told')
  await tab.close()
  const textOf = (/** @type {string} */ by) =>
    told.flatMap(([from, text]) => (from === by ? [text] : [])).join('\n')
  const channel = stage.canaries.kindsIn(textOf('channel'))
  const storage = stage.canaries.kindsIn(textOf('storage'))
  return [
    {
      attack: 'T-BROWSER-03 what another tab hears of a renewal',
      said: readable === 'always' ? 'no token on the channel' : 'no token',
      got: `${inWords(channel)} on the channel, ${inWords(storage)} in storage events`,
      ok:
        channel.length === 0 &&
        (readable === 'always' || storage.length === 0) &&
        textOf('channel').includes('changed'),
    },
  ]
}

const MESSAGES = [
  ...[{ kind: 'state' }, { kind: 'changed' }, { kind: 'authorization_endpoint' }],
  { id: 1, kind: 'fetch', call: { url: '/', method: 'GET', headers: [] } },
  { type: 'authorization_response', response: { code: 'x', state: 'x' } },
  { source: 'coatcheck', accessToken: true },
]

/**
 * A page of another origin has opened the page, and talks to it.
 * @param {Scene} scene
 * @param {string} url
 * @returns {Promise<Row[]>}
 */
export async function foreignWindowRows({ page, stage }, url) {
  const { evil, canaries } = stage
  await page.goto(`${evil.origin}/`)
  await page.evaluate(
    `document.querySelector('#open').onclick = (event) => {
      event.preventDefault()
      window.heard = []
      addEventListener('message', ({ data }) => heard.push(JSON.stringify(data)))
      window.victim = open('${url}', 'victim')
    }, document.querySelector('#open').href = '${url}', true`,
  )
  const victim = await page.popup('#open')
  await signIn(victim, url)
  await page.evaluate(
    `${JSON.stringify(MESSAGES)}.forEach((each) => victim.postMessage(each, '*'))`,
  )
  await victim.evaluate("lab.call('orders')")
  await new Promise((resolve) => setTimeout(resolve, 500))
  const { state } = await victim.evaluate('lab.state()')
  /** @type {string[]} */
  const heard = await page.evaluate('heard')
  await victim.close()
  const kinds = canaries.kindsIn(heard.join('\n'))
  return [
    {
      attack: 'T-BROWSER-04 messages from a window of another origin',
      said: 'stopped',
      got: `${inWords(kinds)}, ${heard.length} answers to ${MESSAGES.length} messages; ${state}`,
      ok: heard.length === 0 && state === 'signed_in',
    },
  ]
}
