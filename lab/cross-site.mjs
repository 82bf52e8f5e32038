// @ts-check
// A person is signed in at app.example.localhost. What can a page of another site do, and one of a fallen sibling host, in a
// real browser? Whatever it tries: nothing may change, nothing may be read, and the person stays signed in as before.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from '../test/support/dev-process.ts'
import { beginSignIn, startStack } from '../test/support/stack.ts'
import { BROWSERS, openBrowser } from './browsers/browsers.mjs'
import { signInWith } from './browsers/sign-in.mjs'
import { ATTACKS } from './cross-site/attacks.mjs'
import { startForeignSites } from './cross-site/foreign.mjs'
import { HONEST } from './cross-site/honest.mjs'
import { startNaiveSite } from './cross-site/naive.mjs'

export const name = 'cross-site'
export const about =
  'a page of another site and one of a sibling host against a browser that is signed in; and what honest pages do'
export const choices = { browser: [...BROWSERS, 'all'] }
export const aim = 'nothing changed, nothing read, still signed in; honest pages work'
export const needs = ['browser']

const APP = 'app.example.localhost'
const SIBLING = 'sub.example.localhost'
const ALLOWED = 'www.example.localhost'
const EVIL = 'evil.localhost'
const NAIVE = 'naive.example.localhost'
const SETTLE_MS = 250
// Attacks that only we could fall for (our own addresses, planted cookies) do nothing to the control.
const LEAST_EFFECTIVE = 0.6

/** @param {{ seconds: number, browser?: string, log: (line: string) => void }} options */
export async function run({ seconds, browser = 'chromium', log }) {
  const results = []
  for (const each of browser === 'all' ? BROWSERS : [browser]) {
    results.push(await crossSiteIn({ browser: each, isShort: seconds < 20, log }))
  }
  return {
    rows: results.flatMap(({ rows }) => rows),
    figures: results.flatMap(({ figures }) => figures),
  }
}

/** @param {{ browser: string, isShort: boolean, log: (line: string) => void }} options */
async function crossSiteIn({ browser, isShort, log }) {
  const profile = temporaryFolder()
  const foreign = await startForeignSites()
  /** @type {string[]} */
  const reached = []
  const stack = await startApp(foreign.at(ALLOWED), reached)
  const { page, close } = await openBrowser(browser, profile.path)
  const keepsPrefixes = await enforcesPrefixes(page, foreign.at(SIBLING))
  const rows = []
  const effective = { tried: 0, worked: 0 }
  try {
    await control({ page, foreign, effective, attacks: isShort ? SOME : ATTACKS })
    await signInWith(page, stack.origin)
    for (const host of [EVIL, SIBLING]) {
      for (const attack of isShort ? SOME : ATTACKS) {
        if (attack.from === 'sibling' && host !== SIBLING) continue
        const here = foreign.at(host)
        const callback = attack.script.includes('{callback}')
          ? (
              await beginSignIn(
                { origin: stack.origin, address: `https://localhost:${stack.port}` },
                'grace',
              )
            ).callbackUrl
          : ''
        reached.length = 0
        await page.goto(`${here}/${attack.from === 'silent' ? '?silent' : ''}`)
        const script = attack.script
          .replaceAll('{app}', stack.origin)
          .replaceAll('{here}', here)
          .replaceAll('{cookie}', stack.cookieName)
          .replaceAll('{callback}', callback)
        const read = await perform(page, script, attack.leaves === true)
        await pause(SETTLE_MS)
        const changed = reached.splice(0).join(', ') || 'nothing'
        const who = await whoIs(page, stack.origin)
        // Of two cookies of our name none is used: where a browser lets a sibling plant one, that is what it can do.
        const isTwin = attack.plants === true && !keepsPrefixes
        const expected = isTwin ? 'nobody' : 'Ada Lovelace'
        const ok =
          read === 'nothing' &&
          changed === 'nothing' &&
          who === expected &&
          (!isTwin || (await isBackWithout(page, here, stack)))
        if (!ok)
          log(`${browser}, ${host}, ${attack.what}: read ${read}, reached ${changed}, ${who}`)
        rows.push({
          browser,
          from: host === EVIL ? 'another site' : 'a sibling host',
          what: attack.what,
          read: short(read),
          'reached the API': changed,
          'signed in as': who,
          ok,
        })
      }
    }
    for (const { what, from, script, expected } of HONEST) {
      const here = from === 'own' ? stack.origin : foreign.at(ALLOWED)
      await page.goto(`${here}/`)
      const seen = await perform(page, script.replaceAll('{app}', stack.origin), false)
      const ok = seen === expected
      if (!ok) log(`${browser}, honest, ${what}: ${seen}`)
      const source = from === 'own' ? 'our own page' : 'an allowed origin'
      rows.push({
        browser,
        from: source,
        what,
        read: short(seen),
        'reached the API': reached.splice(0).join(', '),
        'signed in as': 'Ada Lovelace',
        ok,
      })
    }
  } finally {
    await close()
    await stack.close()
    foreign.close()
    profile.remove()
  }
  const wrong = rows.filter(({ ok }) => !ok)
  const works = `${effective.worked} of ${effective.tried} attacks work on a site without defence`
  const value = `${rows.length - wrong.length} of ${rows.length} as they should; ${works}`
  const isProof = effective.worked >= effective.tried * LEAST_EFFECTIVE
  return {
    rows: rows.map(({ ok, ...row }) => ({ ...row, 'as it should': ok ? 'yes' : 'NO' })),
    figures: [{ name: browser, value, aim, ok: wrong.length === 0 && isProof }],
  }
}

// A few of each kind, for a look that takes seconds.
const SOME = ATTACKS.filter((_, index) => index % 5 === 0)

/**
 * The same attacks on a site that defends nothing, by a page of another site.
 * @param {{ page: import('./browsers/browsers.mjs').LabPage, foreign: Awaited<ReturnType<typeof startForeignSites>>, effective: { tried: number, worked: number }, attacks: readonly import('./cross-site/attacks.mjs').Attack[] }} input
 */
async function control({ page, foreign, effective, attacks }) {
  const naive = await startNaiveSite(foreign.credentials, NAIVE)
  try {
    for (const attack of attacks) {
      if (attack.from === 'sibling' || attack.script.includes('{callback}')) continue
      await page.goto(`${naive.origin}/`)
      naive.taken()
      await page.goto(`${foreign.at(EVIL)}/${attack.from === 'silent' ? '?silent' : ''}`)
      const here = foreign.at(EVIL)
      const script = attack.script.replaceAll('{app}', naive.origin).replaceAll('{here}', here)
      const read = await perform(page, script, attack.leaves === true)
      await pause(SETTLE_MS)
      effective.tried += 1
      if (naive.taken() > 0 || read !== 'nothing') effective.worked += 1
    }
  } finally {
    naive.close()
  }
}

/**
 * A gateway whose API notes whatever reaches it with a token.
 * @param {string} allowed
 * @param {string[]} reached
 */
async function startApp(allowed, reached) {
  const stack = await startStack({
    https: true,
    hostname: APP,
    upstream: (request, response) => {
      if (request.headers.authorization !== undefined)
        reached.push(`${request.method} ${request.url}`)
      request.resume()
      if (request.url?.startsWith('/events') === true) {
        response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: hello\n\n')
      } else if (request.url?.startsWith('/pixel') === true) {
        response.writeHead(200, { 'content-type': 'image/svg+xml' })
        response.end('<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>')
      } else response.end('{"secret":"orders of ada"}')
    },
    upgrade: (server) =>
      server.on('upgrade', (request, socket) => {
        reached.push(`socket ${request.url}`)
        socket.on('error', () => {})
        socket.end('HTTP/1.1 403 Forbidden\r\n\r\n')
      }),
    config: (base) => ({
      ...base,
      allowedOrigins: [allowed],
      pages: {
        ...base.pages,
        contentSecurityPolicy:
          "default-src 'self'; script-src 'self' 'unsafe-inline'; frame-ancestors 'none'",
      },
    }),
  })
  // Whoever gets it into a frame hears of it.
  writeFileSync(
    join(stack.folder, 'pages/account/index.html'),
    "<!doctype html><title>account</title><script>if (parent !== self) parent.postMessage('framed', '*')</script>",
  )
  await stack.restart()
  return stack
}

/** Whether the browser refuses a cookie whose name says that it is its host's alone. @param {import('./browsers/browsers.mjs').LabPage} page @param {string} sibling */
async function enforcesPrefixes(page, sibling) {
  await page.goto(`${sibling}/`)
  return page.evaluate(
    "(document.cookie = '__Host-probe=1; Domain=example.localhost; Path=/; Secure', !document.cookie.includes('__Host-probe'))",
  )
}

/**
 * Nothing was lost: without what was planted the person is who she was.
 * @param {import('./browsers/browsers.mjs').LabPage} page
 * @param {string} here
 * @param {import('../test/support/stack.ts').Stack} stack
 */
async function isBackWithout(page, here, { origin, cookieName }) {
  await page.goto(`${here}/unplant?name=${cookieName}`)
  return (await whoIs(page, origin)) === 'Ada Lovelace'
}

/**
 * @param {import('./browsers/browsers.mjs').LabPage} page
 * @param {string} script
 * @param {boolean} leaves
 */
async function perform(page, script, leaves) {
  if (!leaves)
    return String(await page.evaluate(script).catch((error) => `error: ${error.message}`))
  await page.start(script)
  await pause(SETTLE_MS)
  return 'nothing'
}

/**
 * Who the browser is signed in as: what its own page learns.
 * @param {import('./browsers/browsers.mjs').LabPage} page
 * @param {string} origin
 */
async function whoIs(page, origin) {
  await page.goto(`${origin}/`)
  return page.evaluate(
    "fetch('/auth/session', { headers: { 'x-coatcheck': '1' } }).then((answer) => answer.json()).then(({ claims }) => claims?.name ?? 'nobody')",
  )
}

/** @param {string} text */
function short(text) {
  return text.length > 40 ? `${text.slice(0, 40)} ...` : text
}

/** @param {number} ms */
function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
