// @ts-check
// What must be found: a text that is planted wherever tokens could be, and sent through what they could go through.
import { randomBytes } from 'node:crypto'
import { until } from '../spa/steps.mjs'
import { perform } from './stage.mjs'

/**
 * @param {import('./after-load.mjs').Scene} scene
 * @param {string} url
 * @returns {Promise<import('./after-load.mjs').Row[]>}
 */
export async function controlRows({ page, stage }, url) {
  stage.site.scripts.splice(0, 1, '/hostile.js')
  await page.goto(url)
  await until(() => page.evaluate("typeof hostile === 'object'"))
  const planted = randomBytes(32).toString('base64url')
  /** @type {string[]} */
  const places = await page.evaluate(`hostile.plant('${planted}')`)
  /** @type {[string, string][]} */
  const found = await perform(page, 'hostile.list()')
  const where = found.flatMap(([place, text]) => (text.includes(planted) ? [place] : []))
  const sent = randomBytes(32).toString('base64url')
  await page.evaluate("hostile.begin('control'), hostile.patch()")
  /** @type {string[]} */
  const names = await page.evaluate(`hostile.sendThrough('${sent}')`)
  await page.evaluate('void hostile.stop()')
  /** @type {string[]} */
  const by = await page.evaluate(`hostile.find(['${sent}'], 'control')`)
  return [row('all that can be listed', places, where), row('patched built-ins', names, by)]
}

/**
 * @param {string} what
 * @param {readonly string[]} expected
 * @param {readonly string[]} seen
 */
function row(what, expected, seen) {
  const missed = expected.filter((each) => !seen.includes(each))
  return {
    attack: `control: a planted text, by ${what}`,
    said: 'found',
    got:
      missed.length === 0
        ? `found in ${expected.length} of ${expected.length}`
        : `missed: ${missed.join(', ')}`,
    ok: missed.length === 0 && expected.length > 0,
  }
}
