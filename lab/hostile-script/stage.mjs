// @ts-check
// The page that is attacked, with everything around it: provider, API, the attacker's server and script.
import { fileURLToPath } from 'node:url'
import { createTrustingFetch, requestPublicTokens } from '@coatcheck/dev'
import { build } from 'esbuild'
import { startSpaSite } from '../spa/site.mjs'
import { until } from '../spa/steps.mjs'
import { createCanaries } from './canaries.mjs'
import { startEvilServer } from './evil.mjs'

/** @typedef {import('../browsers/browsers.mjs').LabPage} LabPage */

// Half of it is left when a token is renewed.
const ACCESS_TOKEN_SECONDS = 6
const PERFORMED_WITHIN_MS = 30_000

/** A script of the lab's for pages, in one file. @param {string} file Beside this folder. */
export async function bundleScript(file) {
  const entry = fileURLToPath(new URL(`../${file}`, import.meta.url))
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: 'iife',
    target: 'es2022',
  })
  return outputFiles[0]?.text ?? ''
}

/**
 * A site whose pages may ask the attacker's server, so that their policy stops nothing that the library should.
 * @param {{ workerSource?: string, files?: Record<string, string>, accessTokenSeconds?: number }} [options]
 */
export async function openStage({
  workerSource,
  files = {},
  accessTokenSeconds = ACCESS_TOKEN_SECONDS,
} = {}) {
  const canaries = createCanaries()
  const evil = await startEvilServer()
  const site = await startSpaSite({
    accessTokenSeconds,
    hooks: canaries.hooks,
    connect: [evil.origin, evil.plainOrigin],
    files: { '/hostile.js': await bundleScript('hostile-script/in-page/hostile.mjs'), ...files },
    ...(workerSource === undefined ? {} : { workerSource }),
  })
  const fetch = createTrustingFetch(site.certificate)
  const client = { clientId: 'spa', origin: site.origin }
  return {
    canaries,
    evil,
    site,
    /** What an API says to somebody else's program with a token. @param {string | undefined} token */
    useOutside: async (token) => {
      const headers = { authorization: `Bearer ${token}` }
      return (await fetch(`${site.settings.apis[0]}orders`, { headers })).status
    },
    /** What the provider says to somebody else's program with a refresh token. @param {string | undefined} token */
    refreshOutside: async (token) => {
      const parameters = { grant_type: 'refresh_token', refresh_token: token ?? '' }
      const answer = await requestPublicTokens(
        { provider: site.provider, client, fetch },
        parameters,
      )
      const { error } = /** @type {{ error?: string }} */ (await answer.json())
      return error ?? 'new tokens'
    },
    close: async () => {
      await site.close()
      evil.close()
    },
  }
}

/** @typedef {Awaited<ReturnType<typeof openStage>>} Stage */

/** Puts the attacker's script into a page that is there. @param {LabPage} page */
export async function inject(page) {
  await page.start(INJECTION)
  await until(() => page.evaluate("typeof hostile === 'object'"))
}

const INJECTION = `
  const policy = globalThis.trustedTypes?.createPolicy('hostile', { createScriptURL: (text) => text })
  const script = document.createElement('script')
  script.src = policy?.createScriptURL('/hostile.js') ?? '/hostile.js'
  document.head.append(script)
`

/** What the attacker's script says of something that takes its time. @param {LabPage} page @param {string} source */
export async function perform(page, source) {
  await page.evaluate('void (hostile.result = undefined)')
  await page.start(`hostile.perform(() => ${source})`)
  const found = await until(() => page.evaluate('hostile.result'), PERFORMED_WITHIN_MS)
  return /** @type {{ value: any }} */ (found).value
}

/** Where tokens can be listed in a page, and which. @param {LabPage} page @param {Stage} stage @param {number} [from] */
export async function listTokens(page, { canaries }, from = 0) {
  /** @type {[string, string][]} */
  const found = await perform(page, 'hostile.list()')
  const hits = found.map(([where, text]) => ({ where, kinds: canaries.kindsIn(text, from) }))
  return {
    characters: found.reduce((sum, [, text]) => sum + text.length, 0),
    places: hits.filter(({ kinds }) => kinds.length > 0).map(({ where }) => where),
    kinds: canaries.kindsIn(found.map(([, text]) => text).join('\n'), from),
  }
}

/** Calls the API until a token was renewed. @param {LabPage} page @param {Stage} stage */
export async function renew(page, { canaries }) {
  const before = canaries.count()
  await until(async () => {
    await page.evaluate("lab.call('orders')")
    await new Promise((resolve) => setTimeout(resolve, 300))
    return canaries.count() > before
  })
  return before
}
