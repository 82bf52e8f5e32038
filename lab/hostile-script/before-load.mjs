// @ts-check
// A script that is in the page before the page's own code, at each load: what can it take of a sign-in and of what follows?
import { signIn } from '../spa/steps.mjs'
import { seenBy } from './after-load.mjs'
import { byWhich, inWords } from './canaries.mjs'
import { policyRow } from './policy.mjs'
import { isWithin, said } from './said.mjs'
import { renew } from './stage.mjs'

/**
 * Signs in under patched built-ins, and waits for new tokens.
 * @param {import('./after-load.mjs').Scene} scene
 * @param {string} url
 * @returns {Promise<import('./after-load.mjs').Row[]>}
 */
export async function patchedRows(scene, url) {
  const { page, stage, readable } = scene
  const { site, canaries } = stage
  site.scripts.splice(0, 1, '/hostile.js?patch')
  const start = canaries.count()
  await signIn(page, url)
  const signedIn = canaries.count()
  await page.evaluate("void hostile.begin('renewal')")
  await renew(page, stage)
  const rows = [
    { attack: 'single theft: built-ins patched before load, a sign-in', phase: '', from: start },
    { attack: 'persistent theft: built-ins patched before load, a renewal', from: signedIn },
  ]
  const found = []
  for (const { attack, phase = 'renewal', from } of rows) {
    const { kinds, names, isHearing } = await seenBy(scene, phase, from)
    found.push({
      attack: `T-BROWSER-01 ${attack}`,
      said: said(readable, 'patched'),
      got: `${inWords(kinds)}${byWhich(names)}`,
      ok: isWithin(readable, 'patched', kinds) && isHearing,
    })
  }
  found.push(await policyRow(scene))
  site.scripts.splice(0, 1, '/hostile.js')
  return found
}
