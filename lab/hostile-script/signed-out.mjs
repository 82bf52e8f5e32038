// @ts-check
// What is left once the person has signed out.
import { inWords } from './canaries.mjs'
import { listTokens } from './stage.mjs'

/**
 * Signs out, and looks for what should be gone: here, in the worker, and at the provider.
 * @param {import('./after-load.mjs').Scene & { place: string }} scene
 * @returns {Promise<import('./after-load.mjs').Row[]>}
 */
export async function signedOutRows({ page, stage, place }) {
  const { refresh_token: last } = stage.canaries.latest()
  await page.evaluate('lab.signOut({ provider: false })')
  const { kinds } = await listTokens(page, stage)
  const { state } = await page.evaluate('lab.state()')
  const { error, status } = await page.evaluate("lab.call('orders')")
  const atProvider = await stage.refreshOutside(last)
  const answers = place === 'worker' ? await askWorker(page, stage) : undefined
  const got = [
    `${inWords(kinds)} left`,
    state,
    `a call: ${error ?? status}`,
    `the refresh token: ${atProvider}`,
    ...(answers === undefined ? [] : [`the worker: ${answers.said}`]),
  ]
  return [
    {
      attack: 'T-BROWSER-01 after sign-out: all that can be listed, called and renewed',
      said: 'nothing left',
      got: got.join('; '),
      ok:
        kinds.length === 0 &&
        state === 'signed_out' &&
        error === 'signed_out' &&
        atProvider === 'invalid_grant' &&
        (answers === undefined || answers.ok),
    },
  ]
}

/**
 * @param {import('./stage.mjs').LabPage} page
 * @param {import('./stage.mjs').Stage} stage
 */
async function askWorker(page, { canaries, site }) {
  const url = `${site.settings.apis[0]}orders`
  const call = { url, method: 'GET', headers: [], cache: 'default', credentials: 'omit' }
  /** @type {string[]} */
  const answers = []
  for (const message of [{ kind: 'state' }, { kind: 'fetch', call }])
    answers.push(await page.evaluate(`hostile.askWorker(${JSON.stringify(message)})`))
  const [state = '', answer = ''] = answers
  const ok =
    canaries.kindsIn(answers.join('\n')).length === 0 &&
    state.includes('"signed_out"') &&
    answer.includes('"code":"signed_out"')
  return { ok, said: ok ? 'signed_out' : `${state} ${answer}` }
}
