// @ts-check
// What each place for tokens says of itself, line by line, against a real browser.
import { temporaryFolder } from '../test/support/dev-process.ts'
import { BROWSERS, openBrowser } from './browsers/browsers.mjs'
import { mergeBrowsers } from './browsers/rows.mjs'
import { bundleScript, openStage } from './hostile-script/stage.mjs'
import { PLACES, startSpaSite } from './spa/site.mjs'
import { startLargeIssuer } from './traits/large-issuer.mjs'
import { lifetimeRows } from './traits/lifetimes.mjs'
import { refusedPlaceRows, refusedStorageRows } from './traits/refusals.mjs'
import { cookieRows, quotaRows, uncountedRows } from './traits/sizes.mjs'

export const name = 'traits'
export const about =
  'who can read tokens, who is sent them, what they survive, how much fits in, and what a full or forbidden place does: each line of each place'
export const choices = { browser: [...BROWSERS, 'all'] }
export const aim = 'every trait as said'
export const needs = ['browser']

const PLACES_SHORT = /** @type {const} */ (['memory', 'script_cookie_shared'])

/** @param {{ seconds: number, browser?: string, log: (line: string) => void }} options */
export async function run({ seconds, browser = 'chromium', log }) {
  const isShort = seconds < 20
  const rows = []
  const figures = []
  for (const each of browser === 'all' ? BROWSERS : [browser]) {
    const found = await traitsIn({ browser: each, isShort, log })
    const checked = found.filter(({ seen }) => !seen.startsWith('not checked'))
    const good = checked.filter(({ ok }) => ok).length
    rows.push(...found)
    figures.push({
      name: each,
      value: `${good} of ${checked.length} as said`,
      aim,
      ok: good === checked.length && good > 0,
    })
  }
  return { rows: mergeBrowsers(rows, ({ place, trait }) => `${place} ${trait}`), figures }
}

/** @param {{ browser: string, isShort: boolean, log: (line: string) => void }} options */
async function traitsIn({ browser, isShort, log }) {
  const issuer = await startLargeIssuer()
  const files = { '/places.js': await bundleScript('traits/in-page/places.mjs') }
  const stage = await openStage({ files, accessTokenSeconds: 300 })
  const { issuer: address, audience } = issuer
  const ownLogin = await startSpaSite({
    client: { issuer: address, audience },
    connect: [address],
    files,
  })
  /** @type {({ browser: string } & import('./traits/row.mjs').Row)[]} */
  const rows = []
  const tell = (/** @type {readonly import('./traits/row.mjs').Row[]} */ found) => {
    for (const row of found) {
      log(`${browser}, ${row.place}, ${row.trait}: ${row.ok ? 'ok' : 'NOT AS SAID'} (${row.seen})`)
      rows.push({ browser, ...row })
    }
  }
  try {
    for (const place of isShort ? PLACES_SHORT : PLACES) {
      const profile = temporaryFolder()
      try {
        const options = { browser, place, stage, profile: profile.path }
        tell(await lifetimeRows({ ...options, withRestart: !isShort }))
      } finally {
        profile.remove()
      }
    }
    const profile = temporaryFolder()
    const { page, close } = await openBrowser(browser, profile.path)
    try {
      const { site } = stage
      for (const place of isShort ? ['local_storage'] : ['local_storage', 'session_storage'])
        tell(await quotaRows({ page, site, place }))
      for (const place of isShort ? ['script_cookie'] : ['script_cookie', 'script_cookie_shared'])
        tell(await cookieRows({ page, site: ownLogin, place }, issuer))
      for (const place of isShort ? [] : ['memory', 'worker'])
        tell(await uncountedRows({ page, site: ownLogin, place }, issuer))
      for (const place of isShort ? ['local_storage'] : REFUSED)
        tell(await refusedPlaceRows({ page, site, place }))
      for (const place of isShort ? ['local_storage'] : ['memory', ...STORAGES, 'worker'])
        tell(await refusedStorageRows({ page, site: ownLogin, place }, issuer))
    } finally {
      await close()
      profile.remove()
    }
  } finally {
    await ownLogin.close()
    await stage.close()
    issuer.close()
  }
  return rows
}

const STORAGES = ['local_storage', 'session_storage']
const REFUSED = [...STORAGES, 'script_cookie', 'script_cookie_shared']
