// @ts-check
// Under which policy all of this works: scripts and workers are files of the site, nothing is made from text.

const LOOSE = /blob:|data:|'unsafe-|\*/

/**
 * A sign-in, calls and a renewal went well under it: was anything of them refused?
 * @param {import('./after-load.mjs').Scene} scene
 * @returns {Promise<import('./after-load.mjs').Row>}
 */
export async function policyRow({ page, stage }) {
  const { policy } = stage.site
  /** @type {string[]} */
  const all = await page.evaluate('hostile.refused')
  // The browser asks for an icon by itself.
  const refused = all.filter((each) => !each.endsWith('/favicon.ico'))
  const isStrict = !LOOSE.test(policy) && policy.includes("require-trusted-types-for 'script'")
  return {
    attack: 'the page under a strict policy: no blob:, no unsafe-eval, Trusted Types',
    said: 'works',
    got: refused.length === 0 ? 'nothing refused' : `refused: ${refused.join(', ')}`,
    ok: isStrict && refused.length === 0,
  }
}
