// @ts-check
// Which cookies end with the browser and which survive it: signed in for real, the browser closed, its profile opened
// again.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { openDataFolder, sampleCertificate } from '@coatcheck/dev'
import { serializeCookie } from '../packages/coatcheck/dist/cookies/serialize.js'
import { sessionCookie } from '../packages/coatcheck/dist/cookies/session-cookie.js'
import { temporaryFolder } from '../test/support/dev-process.ts'
import { startStack } from '../test/support/stack.ts'
import { BROWSERS, keepsProfile, openBrowser } from './browsers/browsers.mjs'
import { signInWith } from './browsers/sign-in.mjs'
import { chunkRows, createChunkSite } from './lifetimes/chunks.mjs'

export const name = 'lifetimes'
export const about =
  'browser-session, persistent and remembered cookies over a restart of the browser; Domain over hosts; partitioned jars; sessions of several cookies'
export const choices = { browser: [...BROWSERS, 'all'] }
export const aim = 'as configured'
export const needs = ['browser']

const DAY = 86_400
const CASES = [
  { what: 'ends with the browser', cookie: {}, remember: false, survives: false },
  {
    what: 'kept for a time',
    cookie: { lifetime: { maxAgeSeconds: 600 } },
    remember: false,
    survives: true,
  },
  {
    what: 'kept for a time that is over',
    cookie: { lifetime: { maxAgeSeconds: 1 } },
    remember: false,
    survives: false,
  },
  { what: 'remembered by choice', cookie: {}, remember: true, survives: true },
  {
    what: 'the session itself, ends with the browser',
    cookie: {},
    remember: false,
    survives: false,
    kind: /** @type {const} */ ('sealed-cookie'),
  },
  {
    what: 'the session itself, remembered by choice',
    cookie: {},
    remember: true,
    survives: true,
    kind: /** @type {const} */ ('sealed-cookie'),
  },
]

/** @param {{ browser?: string, log: (line: string) => void }} options */
export async function run({ browser = 'chromium', log }) {
  const results = []
  for (const name of browser === 'all' ? BROWSERS : [browser]) {
    results.push(await lifetimesIn({ browser: name, log }))
  }
  return {
    rows: results.flatMap(({ rows }) => rows),
    figures: results.flatMap(({ figures }) => figures),
  }
}

/** @param {{ browser: string, log: (line: string) => void }} options */
async function lifetimesIn({ browser, log }) {
  const rows = []
  for (const one of keepsProfile(browser) ? CASES : []) {
    log(`${browser}: ${one.what}`)
    const seen = await survives(browser, one)
    rows.push({ browser, what: one.what, expected: word(one.survives), seen: word(seen) })
  }
  log(`${browser}: domains and jars`)
  rows.push(...(await shared(browser)))
  const wrong = rows.filter((row) => row.expected !== row.seen)
  const value = `${rows.length - wrong.length} of ${rows.length} as configured`
  return { rows, figures: [{ name: browser, value, aim, ok: wrong.length === 0 }] }
}

/** @param {boolean} stays */
function word(stays) {
  return stays ? 'signed in' : 'signed out'
}

/**
 * @param {string} browser
 * @param {{ cookie: any, remember: boolean, kind?: 'sealed-cookie' }} options
 */
async function survives(browser, { cookie, remember, kind }) {
  const profile = temporaryFolder()
  const stack = await startStack({
    config: (base) => ({
      ...base,
      sessions: {
        ...(kind === undefined ? base.sessions : { kind }),
        remembered: { idleSeconds: DAY, absoluteSeconds: 30 * DAY },
      },
      cookie,
    }),
  })
  try {
    const first = await openBrowser(browser, profile.path)
    await signInWith(first.page, stack.origin, { remember })
    const state = await stateOf(first.page)
    // Reads its own state at least as long as the shortest lifetime.
    await new Promise((resolve) => setTimeout(resolve, 1500))
    await first.close()
    if (state !== 'signed_in') throw new Error(`not signed in before the restart: ${state}`)
    const second = await openBrowser(browser, profile.path)
    await second.page.goto(`${stack.origin}/`)
    const after = await stateOf(second.page)
    await second.close()
    return after === 'signed_in'
  } finally {
    await stack.close()
    profile.remove()
  }
}

/** @param {import('./browsers/browsers.mjs').LabPage} page */
function stateOf(page) {
  return page.evaluate(
    "fetch('/auth/session', { headers: { 'x-coatcheck': '1' } }).then((answer) => answer.json()).then(({ state }) => state)",
  )
}

/**
 * What hosts and frames receive of cookies that are set as the library sets them. Ports don't matter to cookies: the
 * hosts are told apart by their names.
 * @param {string} browser
 */
async function shared(browser) {
  const profile = temporaryFolder()
  const { port, close } = await startCookieSite()
  const at = (/** @type {string} */ host) => `https://${host}:${port}`
  const { page, close: closeBrowser } = await openBrowser(browser, profile.path)
  const has = async (/** @type {string} */ url, /** @type {string} */ cookie) => {
    await page.goto(url)
    return (await page.evaluate('document.body.textContent')).includes(`${cookie}=set`)
  }
  const inFrame = async (/** @type {string} */ top, /** @type {string} */ path) => {
    await page.goto(`${at(top)}/frame?of=${encodeURIComponent(`${at('a.app.localhost')}${path}`)}`)
    return page.evaluate(FRAME_ANSWER)
  }
  try {
    /** @type {Record<string, string>[]} */
    const rows = []
    const row = (
      /** @type {string} */ what,
      /** @type {boolean} */ expected,
      /** @type {boolean} */ seen,
    ) => rows.push({ browser, what, expected: there(expected), seen: there(seen) })
    await page.goto(`${at('a.app.localhost')}/set`)
    row('host-only, same host', true, await has(at('a.app.localhost'), '__Host-Http-own-443'))
    row('host-only, sibling host', false, await has(at('b.app.localhost'), '__Host-Http-own-443'))
    row('domain, sibling host', true, await has(at('b.app.localhost'), '__Http-shared-443'))
    row('domain, another site', false, await has(at('one.localhost'), '__Http-shared-443'))
    await inFrame('one.localhost', '/embed')
    const jar = '__Host-Http-embedded-443=set'
    row(
      'embedded, frame under the site that set it',
      // WebKitGTK 2.50 knows no partitioned cookies, and drops those of other sites.
      browser !== 'webkit',
      (await inFrame('one.localhost', '/')).includes(jar),
    )
    row(
      'embedded, frame under another site',
      false,
      (await inFrame('two.localhost', '/')).includes(jar),
    )
    row(
      'embedded, in a tab of its own',
      false,
      await has(at('a.app.localhost'), '__Host-Http-embedded-443'),
    )
    row(
      'strict, frame under another site',
      false,
      (await inFrame('one.localhost', '/')).includes('__Host-Http-own-443=set'),
    )
    for (const each of await chunkRows(page, at('chunks.localhost')))
      rows.push({ browser, ...each })
    return rows
  } finally {
    await closeBrowser()
    await close()
    profile.remove()
  }
}

const FRAME_ANSWER = `new Promise((resolve) => {
  addEventListener('message', ({ data }) => resolve(String(data)))
  document.querySelector('iframe').src = new URL(location.href).searchParams.get('of')
})`

/** @param {boolean} isThere */
function there(isThere) {
  return isThere ? 'there' : 'not there'
}

/** A site under every name that sets cookies as the library does, and shows what it receives. */
async function startCookieSite() {
  const folder = temporaryFolder()
  // For other names than these, which the browsers are told to overlook.
  const { file } = await sampleCertificate(openDataFolder(folder.path))
  const pem = readFileSync(file)
  folder.remove()
  const answerChunks = createChunkSite()
  const options = { key: pem, cert: pem, maxHeaderSize: 65_536 }
  const server = createServer(options, async (request, response) => {
    const url = new URL(request.url ?? '/', 'https://app.localhost')
    const { pathname } = url
    if (pathname.startsWith('/chunks/')) {
      const { body, setCookies } = await answerChunks(url, request.headers.cookie)
      const headers = { 'cache-control': 'no-store', 'set-cookie': [...setCookies] }
      response.writeHead(200, headers).end(body)
      return
    }
    const body =
      pathname === '/frame'
        ? '<iframe></iframe>'
        : `<script>parent.postMessage(${JSON.stringify(request.headers.cookie ?? 'none')}, '*')</script>${request.headers.cookie ?? 'none'}`
    response
      .writeHead(200, {
        'content-type': 'text/html',
        'cache-control': 'no-store',
        'set-cookie': COOKIES[pathname] ?? [],
      })
      .end(`<!doctype html><title>site</title><body>${body}`)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return {
    port: typeof address === 'object' ? address?.port : 0,
    close: async () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

// On loopback the port is in the name: that of this origin, wherever the site listens.
const ORIGIN = 'https://a.app.localhost'
/** @type {Record<string, string[]>} */
const COOKIES = {
  '/set': [cookieOf({ name: 'own' }), cookieOf({ name: 'shared', domain: 'app.localhost' })],
  '/embed': [cookieOf({ name: 'embedded', embedded: true })],
}

/** @param {import('../packages/coatcheck/dist/cookies/session-cookie.js').SessionCookieOptions} options */
function cookieOf(options) {
  const { names, attributes } = sessionCookie(ORIGIN, options)
  return serializeCookie(names.ticket, 'set', attributes)
}
