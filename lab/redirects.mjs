// @ts-check
// Where a sign-in ends that was started with somebody else's address in it: at a real gateway and provider, and as a real
// browser reads what the gateway answers.

import { launchChromium } from '../test/support/browser.ts'
import { send } from '../test/support/send.ts'
import { beginSignIn, finishSignIn, OWN_NAVIGATION, startStack } from '../test/support/stack.ts'
import { PAYLOADS } from './redirects/payloads.mjs'

export const name = 'redirects'
export const about =
  'addresses to return to that have led people to other sites, at sign-in, hop and sign-out'
export const aim = 'none leaves the site'
export const needs = ['browser']

const AT_LEAST = 100
const SIGN_INS_WHEN_SHORT = 6

/** @param {{ seconds: number, log: (line: string) => void }} options */
export async function run({ seconds, log }) {
  const stack = await startStack()
  const browser = await launchChromium()
  try {
    const page = await browser.newPage()
    await page.goto(`${stack.origin}/`)
    /** Where this browser would go. @param {string} address */
    const leadsTo = (address) =>
      page.evaluate((text) => {
        try {
          return new URL(text, location.href).origin
        } catch {
          return 'nowhere'
        }
      }, address)
    const started = await startAll(stack.origin)
    log(
      `${PAYLOADS.length} addresses, ${started.accepted.length} of them plain enough for a sign-in`,
    )
    const some = seconds < 20 ? started.accepted.slice(-SIGN_INS_WHEN_SHORT) : started.accepted
    const ended = []
    for (const payload of some) ended.push(await finish(stack, payload, leadsTo))
    const hops = []
    for (const payload of PAYLOADS) hops.push(await hop(stack.origin, payload, leadsTo))
    const left = [...started.left, ...ended, ...hops].filter((where) => where !== undefined)
    const hopped = hops.length
    const rows = [
      { what: 'addresses tried', count: PAYLOADS.length },
      { what: 'refused before anything began', count: started.refused },
      { what: 'sign-ins that ended with one', count: ended.length },
      { what: 'asked for as pages, from elsewhere', count: hopped },
      { what: 'left the site', count: left.length },
      ...left.map((where) => ({ what: `LEFT: ${where}`, count: 1 })),
    ]
    const ok = left.length === 0 && PAYLOADS.length >= AT_LEAST && ended.length > 0
    const value = `${left.length} of ${PAYLOADS.length} addresses left the site`
    return { rows, figures: [{ name, value, aim, ok }] }
  } finally {
    await browser.close()
    await stack.close()
  }
}

/** @param {string} origin */
async function startAll(origin) {
  const provider = /^http:\/\/127\.0\.0\.1:\d+\//
  const counts = {
    refused: 0,
    accepted: /** @type {string[]} */ ([]),
    left: /** @type {string[]} */ ([]),
  }
  for (const payload of PAYLOADS) {
    const answer = await send(`${origin}/auth/sign-in?return=${encode(payload)}`, {
      headers: { ...OWN_NAVIGATION, host: new URL(origin).host },
    })
    const location = answer.headers.get('location')
    if (location === null) counts.refused += 1
    else if (provider.test(location)) counts.accepted.push(payload)
    else counts.left.push(`${JSON.stringify(payload)} -> ${location}`)
  }
  return counts
}

/**
 * @param {import('../test/support/stack.ts').Stack} stack
 * @param {string} payload
 * @param {(address: string) => Promise<string>} leadsTo
 */
async function finish(stack, payload, leadsTo) {
  const answer = await finishSignIn(await beginSignIn(stack, 'ada', payload))
  const location = answer.headers.get('location')
  if (answer.status !== 303 || location === null)
    return `${JSON.stringify(payload)}: ${answer.status}`
  if ((await leadsTo(location)) === stack.origin) return undefined
  return `${JSON.stringify(payload)} -> ${location}`
}

/**
 * A protected page of that name, by a link from elsewhere: the page that asks for it once more must name this site.
 * @param {string} origin
 * @param {string} payload
 * @param {(address: string) => Promise<string>} leadsTo
 */
async function hop(origin, payload, leadsTo) {
  const path = `/account/${encodeURI(payload.toWellFormed()).replaceAll('#', '%23')}`
  const headers = { ...OWN_NAVIGATION, host: new URL(origin).host, 'sec-fetch-site': 'cross-site' }
  const answer = await send(`${origin}${path}`, { headers })
  const body = await answer.text()
  const addresses = [
    answer.headers.get('location'),
    ...[...body.matchAll(/(?:href|url)="?([^">]*)"/g)].map(([, address]) => address),
  ]
  for (const address of addresses) {
    if (address == null) continue
    const read = address.replace(/^0;url=/, '').replaceAll('&amp;', '&')
    if ((await leadsTo(read)) !== origin) return `${JSON.stringify(path)} -> ${read}`
  }
  return undefined
}

// A lone surrogate has no percent-encoding.
/** @param {string} payload */
function encode(payload) {
  return encodeURIComponent(payload.toWellFormed())
}
