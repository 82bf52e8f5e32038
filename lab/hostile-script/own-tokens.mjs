// @ts-check
// Tokens of the attacker's own, from the provider that still knows the person: no place of keeping hinders that.
import { until } from '../spa/steps.mjs'

/** @typedef {import('./after-load.mjs').Scene} Scene */

const OK = 200

/**
 * Each way that there is. Where a page's policy allows frames, browsers keep the provider's SameSite=Lax cookie from them.
 * @param {Scene} scene
 * @param {string} url
 * @returns {Promise<import('./after-load.mjs').Row[]>}
 */
export async function ownTokenRows({ page, stage }, url) {
  const { site } = stage
  site.scripts.splice(0, 1, '/hostile.js')
  const load = async () => {
    await page.goto(url)
    await until(() => page.evaluate("typeof hostile === 'object' && typeof lab === 'object'"))
  }
  /** @type {import('./after-load.mjs').Row[]} */
  const rows = []
  const row = async (/** @type {string} */ how, said = 'not stopped') => {
    const outcome = await lootOf(page)
    const status =
      outcome === 'tokens'
        ? await stage.useOutside(await page.evaluate('hostile.loot.answer.access_token'))
        : undefined
    const worth = status === undefined ? '' : `; elsewhere the access token is answered ${status}`
    rows.push({
      attack: `T-BROWSER-03 new tokens: ${how}`,
      said,
      got: `${outcome}${worth}`,
      ok: said === 'not stopped' ? status === OK : status === undefined,
    })
  }
  await load()
  await page.start('hostile.byFrame()')
  await row('a sign-in in a hidden frame', "stopped by the page's policy")
  await load()
  await page.evaluate('hostile.byWindow()')
  const opened = await page.popup('#tab')
  await row('a sign-in in a window, at a click')
  await opened.close().catch(() => {})
  await load()
  await page.start('hostile.byNavigation()')
  await until(() => page.evaluate("hostile.loot.outcome !== 'nothing yet'"))
  await row('a sign-in by leaving the page, for a script in each load')
  site.scripts.splice(0, 1, '/hostile.js?intercept')
  await load()
  await page.start('lab.signIn()')
  await until(() => page.evaluate("hostile.loot.outcome !== 'nothing yet'"))
  await row("the code of the person's own sign-in, for a script in each load")
  site.scripts.splice(0, 1, '/hostile.js')
  return rows
}

/** @param {import('./stage.mjs').LabPage} page */
async function lootOf(page) {
  const seen = "hostile.loot.outcome !== 'nothing yet' && hostile.loot.outcome"
  return until(() => page.evaluate(seen), 8000).catch(() => 'nothing')
}
