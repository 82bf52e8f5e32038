// @ts-check
// What can be found of the tokens: by a script in the page, and by whoever reads the SQLite file.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { startDev } from '@coatcheck/dev'
import { callApi, launchChromium, signIn, ticketOf } from '../test/support/browser.ts'
import { freePort, temporaryFolder } from '../test/support/dev-process.ts'

export const name = 'canary'
export const about = 'tokens and ticket, sought in everything that a page can read and in the store'
export const aim = 'none found'

/** @param {{ seconds: number, log: (line: string) => void }} options */
export async function run({ seconds, log }) {
  const folder = temporaryFolder()
  const issued = recordTokenAnswers()
  const dev = await startDev({ port: await freePort(), data: folder.path, accessTokenSeconds: 4 })
  const browser = await launchChromium()
  const until = Date.now() + seconds * 1000
  /** @type {{ place: string, looked: number, found: number }[]} */
  const places = []
  let signIns = 0
  let control = false
  try {
    do {
      const context = await browser.newContext()
      const page = await context.newPage()
      const reads = collectAnswers(page)
      await signIn(page, dev, signIns % 2 === 0 ? 'ada' : 'grace')
      await callApi(page)
      await page.waitForTimeout(2200)
      await callApi(page)
      await page.evaluate(() => fetch('/auth/session').then((answer) => answer.text()))
      const ticket = (await ticketOf(context)) ?? ''
      const canaries = [ticket, ticket.slice(22), ...issued.tokens].filter(
        (canary) => canary.length > 20,
      )
      note(places, 'storages, cookies, globals, DOM', await readPage(page), canaries)
      note(places, 'answers: bodies, headers, addresses', await reads(), canaries)
      note(places, 'SQLite file', readStore(folder.path), [...canaries, ...people()])
      if (signIns === 0) control = await findsPlanted(page, ticket)
      await context.close()
      signIns += 1
      log(`${signIns} sign-ins, ${issued.tokens.size} tokens issued`)
    } while (Date.now() < until)
  } finally {
    await browser.close()
    await dev.close()
    issued.restore()
    folder.remove()
  }
  const found = places.reduce((sum, place) => sum + place.found, 0)
  const rows = places.map(({ place, looked, found: hits }) => ({
    place,
    'bytes looked through': looked,
    found: hits,
  }))
  // A search for nothing finds nothing: tokens must really have been issued.
  const searched = issued.tokens.size >= 3 * signIns && signIns > 0
  rows.push({
    place: 'control: a ticket planted in localStorage',
    'bytes looked through': 0,
    found: control ? 1 : 0,
  })
  return {
    rows,
    figures: [
      {
        name,
        value: `${found} of ${issued.tokens.size} tokens in ${signIns} sign-ins`,
        aim,
        ok: found === 0 && searched && control,
      },
    ],
  }
}

/** Listens in on the gateway's calls to the token endpoint: this process runs both. */
function recordTokenAnswers() {
  const real = globalThis.fetch
  /** @type {Set<string>} */
  const tokens = new Set()
  globalThis.fetch = async (...parameters) => {
    const answer = await real(...parameters)
    const body = await answer
      .clone()
      .json()
      .catch(() => ({}))
    for (const key of ['access_token', 'refresh_token', 'id_token']) {
      if (typeof body?.[key] === 'string') tokens.add(body[key])
    }
    return answer
  }
  return {
    tokens,
    restore: () => {
      globalThis.fetch = real
    },
  }
}

/**
 * Everything that the page's own scripts were answered: what fetch and navigation show to script.
 * @param {import('playwright-core').Page} page
 */
function collectAnswers(page) {
  /** @type {Promise<string>[]} */
  const answers = []
  page.on('response', (answer) => {
    if (new URL(answer.url()).hostname !== 'localhost') return
    answers.push(
      (async () => {
        // Script never sees Set-Cookie, nor where a redirect leads that it did not follow itself.
        const { 'set-cookie': _, location, ...headers } = await answer.allHeaders()
        const body = await answer.text().catch(() => '')
        return `${answer.url().split('?')[0]}\n${JSON.stringify(headers)}\n${body}`
      })(),
    )
  })
  return async () => (await Promise.all(answers)).join('\n')
}

/** @param {import('playwright-core').Page} page */
function readPage(page) {
  return page.evaluate(async () => {
    const parts = [document.cookie, JSON.stringify(localStorage), JSON.stringify(sessionStorage)]
    parts.push(
      document.documentElement.outerHTML,
      document.referrer,
      location.href,
      String(history.state),
      window.name,
    )
    for (const { name: database } of await indexedDB.databases()) parts.push(String(database))
    const { cookieStore, caches } = /** @type {any} */ (window)
    if (cookieStore) parts.push(JSON.stringify(await cookieStore.getAll()))
    for (const cache of await caches.keys()) parts.push(cache)
    parts.push(
      performance
        .getEntries()
        .map((entry) => entry.name)
        .join('\n'),
    )
    // Every string that is reachable from window within a few steps.
    const seen = new Set()
    const walk = (/** @type {any} */ value, /** @type {number} */ depth) => {
      if (typeof value === 'string') parts.push(value)
      if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return
      if (depth > 4 || seen.has(value) || seen.size > 20_000) return
      seen.add(value)
      for (const key of Object.getOwnPropertyNames(value)) {
        try {
          walk(value[key], depth + 1)
        } catch {
          // Some getters refuse to be read from here.
        }
      }
    }
    walk(window, 0)
    return parts.join('\n')
  })
}

/**
 * Whether the search would find a ticket that does lie in the page.
 * @param {import('playwright-core').Page} page
 * @param {string} ticket
 */
async function findsPlanted(page, ticket) {
  await page.evaluate((value) => localStorage.setItem('planted', value), ticket)
  return (await readPage(page)).includes(ticket)
}

/** @param {string} folder */
function readStore(folder) {
  const files = readdirSync(folder).filter((file) => file.startsWith('sessions.sqlite'))
  return files.map((file) => readFileSync(join(folder, file), 'latin1')).join('')
}

function people() {
  return [
    'ada@users.example',
    'grace@users.example',
    'Ada Lovelace',
    'Grace Hopper',
    'u-ada-1815',
    'u-grace-1906',
  ]
}

/**
 * @param {{ place: string, looked: number, found: number }[]} places
 * @param {string} place
 * @param {string} text
 * @param {Iterable<string>} canaries
 */
function note(places, place, text, canaries) {
  let entry = places.find((candidate) => candidate.place === place)
  if (entry === undefined) {
    entry = { place, looked: 0, found: 0 }
    places.push(entry)
  }
  entry.looked += text.length
  for (const canary of canaries) {
    const signature = canary.split('.')[2]
    const forms = [
      canary,
      Buffer.from(canary).toString('base64'),
      Buffer.from(canary).toString('hex'),
    ]
    if (signature !== undefined && signature.length > 20) forms.push(signature)
    if (forms.some((form) => text.includes(form))) entry.found += 1
  }
}
