// @ts-check
// The hop: in how many ways a person comes to a protected page, with the ticket SameSite=Strict all the while.
import { temporaryFolder } from '../test/support/dev-process.ts'
import { listen, startStack } from '../test/support/stack.ts'
import { BROWSERS, openBrowser } from './browsers/browsers.mjs'
import { signInWith } from './browsers/sign-in.mjs'

export const name = 'hop'
export const about =
  'ways to a protected page with a SameSite=Strict ticket: our own, foreign, redirected, without referrer, framed'
export const choices = { browser: [...BROWSERS, 'all'] }
export const aim = 'every way as it should'
export const needs = ['browser']

/**
 * A way to the page: where it begins, what happens there, and the title that must be seen in the end. `{to}` is the
 * protected page.
 * @typedef {{ what: string, from: 'own' | 'evil' | 'evil-silent', do: string, sees: string, popup?: boolean }} Way
 */

const TAB_LINK = (/** @type {string} */ to) =>
  `document.body.innerHTML = '<a target="_blank" href="${to}">go</a>'`
const LINK = (/** @type {string} */ to, attributes = '') =>
  `document.body.innerHTML = '<a ${attributes} href="${to}">go</a>'; document.querySelector('a').click()`
const FORM = (/** @type {string} */ method, /** @type {string} */ to) =>
  `document.body.innerHTML = '<form method="${method}" action="${to}"><button>go</button></form>'; document.querySelector('button').click()`

/** @type {readonly Way[]} */
const WAYS = [
  { what: 'own link', from: 'own', do: LINK('{to}'), sees: 'account' },
  {
    what: 'own link into a new tab',
    from: 'own',
    do: TAB_LINK('{to}'),
    sees: 'account',
    popup: true,
  },
  { what: 'own form, GET', from: 'own', do: FORM('get', '{to}'), sees: 'account' },
  { what: 'foreign link', from: 'evil', do: LINK('{to}'), sees: 'account' },
  {
    what: 'foreign link into a new tab',
    from: 'evil',
    do: TAB_LINK('{to}'),
    sees: 'account',
    popup: true,
  },
  {
    what: 'foreign link, no opener, no referrer',
    from: 'evil',
    do: LINK('{to}', 'rel="noreferrer"'),
    sees: 'account',
  },
  { what: 'foreign page without referrer', from: 'evil-silent', do: LINK('{to}'), sees: 'account' },
  { what: 'foreign form, GET', from: 'evil', do: FORM('get', '{to}'), sees: 'account' },
  {
    what: 'foreign script, location.assign',
    from: 'evil',
    do: "location.assign('{to}')",
    sees: 'account',
  },
  { what: 'foreign 302', from: 'evil', do: LINK('/302'), sees: 'account' },
  { what: 'foreign 307', from: 'evil', do: LINK('/307'), sees: 'account' },
  { what: 'foreign 302 without referrer', from: 'evil', do: LINK('/302?silent'), sees: 'account' },
  { what: 'foreign 302 from our own page', from: 'own', do: LINK('{evil}/302'), sees: 'account' },
  {
    what: 'own form to a foreign page, POST: not sent',
    from: 'own',
    do: FORM('post', '{evil}/307'),
    sees: 'front',
  },
  {
    what: 'foreign form over a 307, POST',
    from: 'evil',
    do: FORM('post', '/307'),
    sees: 'refused',
  },
  { what: 'foreign form, POST', from: 'evil', do: FORM('post', '{to}'), sees: 'refused' },
]

/** @param {{ browser?: string, log: (line: string) => void }} options */
export async function run({ browser = 'chromium', log }) {
  const results = []
  for (const name of browser === 'all' ? BROWSERS : [browser]) {
    results.push(await hopIn({ browser: name, log }))
  }
  return {
    rows: results.flatMap(({ rows }) => rows),
    figures: results.flatMap(({ figures }) => figures),
  }
}

/** @param {{ browser: string, log: (line: string) => void }} options */
async function hopIn({ browser, log }) {
  const profile = temporaryFolder()
  const stack = await startStack({ https: true })
  const to = `${stack.origin}/account/`
  const evil = await startEvil(to)
  const { page, close } = await openBrowser(browser, profile.path)
  const rows = []
  try {
    await signInWith(page, stack.origin)
    for (const way of WAYS) {
      const seen = await go({ page, way, to, origin: stack.origin, evil: evil.origin })
      log(`${browser}: ${way.what}: ${seen}`)
      rows.push({ browser, way: way.what, expected: way.sees, seen })
    }
    // WebKitGTK's driver stops answering when a page comes back out of the history.
    const extras = browser === 'webkit' ? EXTRAS.slice(0, -1) : EXTRAS
    for (const [what, work, expected] of extras) {
      const seen = await work({ page, to, origin: stack.origin, evil: evil.origin })
      log(`${browser}: ${what}: ${seen}`)
      rows.push({ browser, way: what, expected, seen })
    }
  } finally {
    await close()
    await stack.close()
    evil.close()
    profile.remove()
  }
  const right = rows.filter((row) => row.expected === row.seen)
  const value = `${right.length} of ${rows.length} ways as they should`
  return { rows, figures: [{ name: browser, value, aim, ok: right.length === rows.length }] }
}

/**
 * @typedef {{ page: import('./browsers/browsers.mjs').LabPage, to: string, origin: string, evil: string }} Scene
 * @typedef {readonly [what: string, work: (scene: Scene) => Promise<string>, expected: string]} Extra
 */

/** @type {readonly Extra[]} */
const EXTRAS = [
  [
    'typed address',
    async ({ page, to }) => {
      await page.goto(to)
      return titleOf(page)
    },
    'account',
  ],
  [
    'reload',
    async ({ page }) => {
      await page.reload()
      return titleOf(page)
    },
    'account',
  ],
  [
    'foreign link: query and fragment kept, marker gone',
    async ({ page, to, evil }) => {
      await page.goto(`${evil}/`)
      await page.start(LINK(`${to}?a=b#c`))
      await titleOf(page)
      return (await page.url()) === `${to}?a=b#c` ? 'kept' : page.url()
    },
    'kept',
  ],
  [
    'foreign frame',
    async ({ page, to, evil }) => {
      await page.goto(`${evil}/`)
      const source = `new Promise((resolve) => {
        const frame = document.createElement('iframe')
        const look = () => { try { resolve(frame.contentDocument?.title || 'closed') } catch { resolve('closed') } }
        frame.onload = look
        setTimeout(look, 2000)
        frame.src = '${to}'
        document.body.append(frame)
      })`
      return page.evaluate(source)
    },
    'closed',
  ],
  [
    'back after the hop: the foreign page, no loop',
    async ({ page, to, evil }) => {
      await page.goto(`${evil}/`)
      await page.start(LINK(to))
      await titleOf(page)
      await page.back()
      for (let tries = 0; tries < 50 && !(await page.url()).startsWith(evil); tries += 1) {
        await pause(100)
      }
      return (await page.url()).startsWith(evil) ? 'foreign page' : page.url()
    },
    'foreign page',
  ],
]

/** @param {Scene & { way: Way }} scene */
async function go({ page, way, to, origin, evil }) {
  await page.goto(
    way.from === 'own' ? `${origin}/` : `${evil}/${way.from === 'evil-silent' ? '?silent' : ''}`,
  )
  const source = way.do.replaceAll('{to}', to).replaceAll('{evil}', evil)
  if (way.popup !== true) {
    await page.start(source)
    return titleOf(page)
  }
  await page.evaluate(`void (${source})`)
  const popup = await page.popup('a')
  const title = await titleOf(popup)
  await popup.close()
  return title
}

/** @param {import('./browsers/browsers.mjs').LabPage} page */
async function titleOf(page) {
  let title = ''
  for (let tries = 0; tries < 100; tries += 1) {
    title = await page
      .evaluate("document.readyState === 'complete' ? document.title : ''")
      .catch(() => '')
    if (title === 'account') return title
    if (/^sign in/i.test(title)) return 'signed out'
    await pause(50)
  }
  const status = (await page.status().catch(() => 0)) ?? 0
  // WebKit shows no document, and so no status, for what it would rather save to a file.
  return status >= 400 || (status === 0 && title === '') ? 'refused' : title
}

/** Another site: a page, and redirects to the protected page. @param {string} to */
async function startEvil(to) {
  const { server, port } = await listen((request, response) => {
    const { pathname, search } = new URL(request.url ?? '/', 'http://evil.localhost')
    const status = Number(pathname.slice(1))
    const policy = search === '?silent' ? { 'referrer-policy': 'no-referrer' } : {}
    if (status > 0) response.writeHead(status, { location: to, ...policy }).end()
    else {
      response
        .writeHead(200, { 'content-type': 'text/html', ...policy })
        .end('<!doctype html><title>evil</title><body>')
    }
  })
  return {
    origin: `http://evil.localhost:${port}`,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

/** @param {number} ms */
function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
