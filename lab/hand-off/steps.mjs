// @ts-check
// What a person does between two sites, and how one sees what came of it.
import { hash } from 'node:crypto'

/**
 * @typedef {Awaited<ReturnType<typeof import('./sites.mjs').startSites>>} Sites
 * @typedef {import('../browsers/browsers.mjs').LabPage} LabPage
 */

/** A code on its way to the target, and the cookie that would have come with it. @param {Sites} sites @param {LabPage} page */
export async function steal({ target }, page) {
  target.catchCodes(true)
  await page.goto(`${target.origin}/`)
  await page.click('#hand-off')
  await comesTo(page, `${target.origin}/auth/hand-off/callback`)
  target.catchCodes(false)
  return target.lastCaught()
}

/** A code for a verifier that we know. @param {Sites} sites @param {LabPage} page @param {string} verifier */
export async function codeFor({ source, target }, page, verifier) {
  const url = new URL('/auth/hand-off/authorize', source.origin)
  url.search = new URLSearchParams({
    response_type: 'code',
    client_id: target.origin,
    state: 'state',
    code_challenge: hash('sha256', verifier, 'base64url'),
    code_challenge_method: 'S256',
  }).toString()
  target.catchCodes(true)
  await page.goto(`${source.origin}/`)
  await page.start(`location.assign('${url.href}')`)
  await comesTo(page, `${target.origin}/auth/hand-off/callback`)
  target.catchCodes(false)
  return new URL(target.lastCaught().url).searchParams.get('code') ?? ''
}

/** Whether a page of the target can send a cookie of the source. @param {Sites} sites @param {LabPage} page */
export async function probe({ source, target }, page) {
  await page.goto(`${source.origin}/probe`)
  await page.goto(`${target.origin}/`)
  return page.evaluate(
    `fetch('${source.origin}/probe', { credentials: 'include' }).then((answer) => answer.text())`,
  )
}

/** @param {LabPage} page @param {string} address */
export async function comesTo(page, address) {
  for (let tries = 0; tries < 100 && !(await page.url()).startsWith(address); tries += 1) {
    await pause(100)
  }
}

/** By way of the provider. @param {LabPage} page @param {string} address */
export async function comesBackTo(page, address) {
  for (let tries = 0; tries < 100; tries += 1) {
    await pause(100)
    const isNew = `location.href === '${address}' && window.isOld === undefined && document.readyState`
    if ((await page.evaluate(isNew).catch(() => false)) === 'complete') return
  }
}

/** Whether the page's server knows somebody, once what is under way has come. @param {LabPage} page @param {string} origin */
export async function becomes(page, origin) {
  for (let tries = 0; tries < 50; tries += 1) {
    await pause(100)
    if ((await whoIs(page, origin)) === 'nobody') return 'nobody'
  }
  return whoIs(page, origin)
}

/** @param {LabPage} page @param {string} origin @returns {Promise<string>} */
export async function whoIs(page, origin) {
  await page.goto(`${origin}/`)
  return page.evaluate(
    "fetch('/auth/session', { headers: { 'x-coatcheck': '1' } }).then((answer) => answer.json()).then(({ claims }) => claims?.name ?? 'nobody')",
  )
}

/** @param {number} ms */
export function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
