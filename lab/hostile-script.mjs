// @ts-check
// A hostile script in the page, with the page's own rights, against each place where tokens can be kept: what does it get, and is
// that no more than the library says?
import { temporaryFolder } from '../test/support/dev-process.ts'
import { BROWSERS, openBrowser } from './browsers/browsers.mjs'
import { mergeBrowsers } from './browsers/rows.mjs'
import {
  lieRows,
  listRows,
  proxyRows,
  watchedRows,
  watchUse,
} from './hostile-script/after-load.mjs'
import { patchedRows } from './hostile-script/before-load.mjs'
import { boundRows } from './hostile-script/bound.mjs'
import { controlRows } from './hostile-script/control.mjs'
import { foreignWindowRows, listenInTab, toldRows } from './hostile-script/other-windows.mjs'
import { ownTokenRows } from './hostile-script/own-tokens.mjs'
import { serviceWorkerRows } from './hostile-script/service-worker.mjs'
import { signedOutRows } from './hostile-script/signed-out.mjs'
import { inject, openStage } from './hostile-script/stage.mjs'
import { fuzzRows } from './hostile-script/workers.mjs'
import { signIn, until } from './spa/steps.mjs'

export const name = 'hostile-script'
export const about =
  'a hostile script in the page, before it loads and after, against each place for tokens: it lists, patches, lies, fuzzes, signs in by itself'
export const choices = { browser: [...BROWSERS, 'all'] }
export const aim = 'no more than is said of the place'
export const needs = ['browser']

const PLACES_FULL = ['memory', 'session_storage', 'local_storage', 'script_cookie', 'worker']
const PLACES_SHORT = ['memory', 'worker']
const BOUND = 'local_storage with DPoP'

/** @param {{ seconds: number, browser?: string, log: (line: string) => void }} options */
export async function run({ seconds, browser = 'chromium', log }) {
  const isShort = seconds < 20
  const rows = []
  const figures = []
  for (const each of browser === 'all' ? BROWSERS : [browser]) {
    const found = await hostileScriptIn({ browser: each, isShort, log })
    const good = found.filter(({ ok }) => ok).length
    rows.push(...found)
    figures.push({
      name: each,
      value: `${good} of ${found.length} as said`,
      aim,
      ok: good === found.length,
    })
  }
  return { rows: mergeBrowsers(rows, ({ place, attack }) => `${place} ${attack}`), figures }
}

/** @param {{ browser: string, isShort: boolean, log: (line: string) => void }} options */
async function hostileScriptIn({ browser, isShort, log }) {
  const stage = await openStage()
  const rows = []
  try {
    for (const row of isShort ? [] : await boundRows(browser)) {
      log(`${browser}, ${BOUND}, ${row.attack}: ${row.ok ? 'ok' : 'NOT AS SAID'} (${row.got})`)
      rows.push({ browser, place: BOUND, ...row })
    }
    for (const place of isShort ? PLACES_SHORT : PLACES_FULL) {
      const found = await attack({ browser, place, isShort, stage })
      if (place === 'worker' && !isShort) found.push(...(await serviceWorkerRows(browser, place)))
      for (const row of found) {
        log(`${browser}, ${place}, ${row.attack}: ${row.ok ? 'ok' : 'NOT AS SAID'} (${row.got})`)
        rows.push({ browser, place, ...row })
      }
    }
  } finally {
    await stage.close()
  }
  return rows
}

/** @param {{ browser: string, place: string, isShort: boolean, stage: import('./hostile-script/stage.mjs').Stage }} options */
async function attack({ browser, place, isShort, stage }) {
  const profile = temporaryFolder()
  const { page, close } = await openBrowser(browser, profile.path)
  const url = `${stage.site.origin}/${place}/`
  stage.canaries.forget()
  try {
    await page.goto(url)
    await until(() => page.evaluate("typeof lab === 'object'"))
    const { readableByScript: readable } = await page.evaluate('lab.tokens.traits')
    const scene = { page, stage, readable, place, url }
    if (!isShort) return await inFull(scene)
    return place === 'worker' ? await inShortPatchedBefore(scene) : await inShortPatchedAfter(scene)
  } finally {
    stage.site.scripts.splice(0)
    await close()
    profile.remove()
  }
}

/** @typedef {import('./hostile-script/after-load.mjs').Scene & { place: string, url: string }} Scene */

/** @param {Scene} scene */
async function inFull(scene) {
  const { page, place, url } = scene
  await signIn(page, url)
  await inject(page)
  const rows = await unpatchedRows(scene)
  const tab = await listenInTab(scene)
  const before = await watchUse(scene)
  if (place === 'worker') rows.push(...(await fuzzRows(scene)))
  rows.push(...(await watchedRows(scene, before)))
  rows.push(...(await toldRows(scene, tab)))
  rows.push(...(await signedOutRows(scene)))
  rows.push(...(await ownTokenRows(scene, url)))
  rows.push(...(await patchedRows(scene, url)))
  if (place === 'memory') rows.push(...(await controlRows(scene, url)))
  return [...rows, ...(await foreignWindowRows(scene, url))]
}

/** @param {Scene} scene */
async function inShortPatchedAfter(scene) {
  await signIn(scene.page, scene.url)
  await inject(scene.page)
  const rows = await unpatchedRows(scene)
  rows.push(...(await watchedRows(scene, await watchUse(scene))))
  rows.push(...(await signedOutRows(scene)))
  return [...rows, ...(await controlRows(scene, scene.url))]
}

/** @param {Scene} scene */
async function inShortPatchedBefore(scene) {
  const rows = await patchedRows(scene, scene.url)
  rows.push(...(await unpatchedRows(scene)))
  rows.push(...(await fuzzRows(scene)))
  return [...rows, ...(await signedOutRows(scene))]
}

/** @param {Scene} scene */
async function unpatchedRows(scene) {
  return [...(await listRows(scene)), ...(await lieRows(scene)), ...(await proxyRows(scene))]
}
