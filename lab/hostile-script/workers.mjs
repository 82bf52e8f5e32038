// @ts-check
// The worker that keeps tokens, asked for them by a script of the page.
import { inWords } from './canaries.mjs'
import { perform } from './stage.mjs'

/**
 * Messages of all kinds to the page's own worker, which a patched built-in has shown, and to one more of the same file.
 * @param {import('./after-load.mjs').Scene} scene
 * @returns {Promise<import('./after-load.mjs').Row[]>}
 */
export async function fuzzRows({ page, stage }) {
  const { evil, site, canaries } = stage
  const { issuer, clientId, audience, apis } = /** @type {any} */ (site.settings)
  const name = `coatcheck:${issuer}:${clientId}`
  const settings = {
    issuer,
    clientId,
    audience,
    apis,
    name,
    insecure: false,
    reuseGraceSeconds: 0,
    renews: true,
  }
  const facts = JSON.stringify({ api: apis[0], evil: evil.origin, settings })
  const rows = []
  for (const [which, fuzz] of [
    ["the page's worker", 'fuzzTheirs'],
    ['another worker of its file', 'fuzzOwn'],
  ]) {
    evil.take()
    const { sent, heard } = await perform(page, `hostile.${fuzz}(${facts})`)
    const kinds = canaries.kindsIn([...heard, ...evil.take()].join('\n'))
    rows.push({
      attack: `T-BROWSER-02 fuzzed messages to ${which}`,
      said: 'stopped',
      got: `${inWords(kinds)}, in the answers to ${sent} messages`,
      // Messages that it passes over try nothing.
      ok: kinds.length === 0 && heard.length > sent / 2,
    })
  }
  const { status } = await page.evaluate("lab.call('orders')")
  const lasting = `${(await page.evaluate('lab.state()')).state}, ${status}`
  return [
    ...rows,
    {
      attack: 'T-BROWSER-02 the worker after all these messages',
      said: 'works on',
      got: lasting,
      ok: lasting === 'signed_in, 200',
    },
  ]
}
