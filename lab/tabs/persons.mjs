// @ts-check
// Who signs out, or in as somebody else, and what the other tabs make of it.
import { signIn, until } from '../spa/steps.mjs'
import { openTabs } from './crowd.mjs'
import { becomes, call, differing, isAlive, stateOf } from './scene.mjs'

/** @type {readonly import('./scene.mjs').Mishap[]} */
export const PERSONS = [
  {
    what: 'signing out in one tab signs out all, and ends the refresh token at the provider',
    place: 'local_storage',
    isQuick: true,
    play: (scene) => signOutReaches(scene, false),
  },
  {
    what: 'signing out in one tab signs out all tabs of this person, whose sign-ins are their own',
    place: 'worker',
    play: (scene) => signOutReaches(scene, true),
  },
  {
    what: 'somebody else signs in in another tab: nothing is called in the wrong name',
    place: 'local_storage',
    play: async ({ page, url }) => {
      await signIn(page, url)
      const [other] = await openTabs(page, 1)
      if (other === undefined) throw new Error('no tab')
      await signIn(other, url, 'grace')
      const told = "lab.states.at(-1).claims?.preferred_username ?? '?'"
      await until(async () => (await page.evaluate(told)) === 'grace').catch(() => {})
      const seen = await page.evaluate(told)
      const wrong = differing([
        ['the first tab is told', seen, 'grace'],
        ['its next call', await call(page), 'signed_in_as_another'],
        ['the one after it', await call(page), '200'],
      ])
      return { wrong, seen: 'told, one call refused, then called' }
    },
  },
]

/**
 * @param {import('./scene.mjs').Scene} scene
 * @param {boolean} each whether each tab signs in by itself
 * @returns {Promise<import('./scene.mjs').Outcome>}
 */
async function signOutReaches({ page, url, site, ledger }, each) {
  await signIn(page, url)
  const [other] = await openTabs(page, 1)
  if (other === undefined) throw new Error('no tab')
  if (each) {
    await other.start("lab.signIn({ prompt: 'none' })")
    await becomes(other, 'signed_in')
  }
  await page.evaluate('lab.signOut({ provider: false })')
  await becomes(other, 'signed_out')
  const alive = []
  for (const token of ledger.refreshTokens) if (await isAlive(site, token)) alive.push(token)
  const reason = await other.evaluate('lab.states.at(-1).reason ?? "none"')
  const wrong = differing([
    ['this tab', await stateOf(page), 'signed_out'],
    ['the call in the other', await call(other), 'signed_out'],
    ['the other tab is told', reason, 'signed_out_elsewhere'],
    ['refresh tokens given out', ledger.refreshTokens.length, each ? 2 : 1],
    ['of these alive at the provider', alive.length, 0],
    [
      'what is left in localStorage',
      await page.evaluate(
        'Object.keys(localStorage).filter((key) => /token/.test(localStorage.getItem(key))).length',
      ),
      0,
    ],
  ])
  return { wrong, seen: `the other tab: ${reason}` }
}
