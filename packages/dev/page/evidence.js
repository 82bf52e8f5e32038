import { answersSeen } from './session.js'

// A JWT; or a long random word, as tickets (64 characters), refresh tokens and opaque tokens are.
const JWT = /eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*/
const RANDOM_WORD = /(?<![\w-])(?=[\w-]*[a-z])(?=[\w-]*[A-Z])(?=[\w-]*\d)[\w-]{40,}(?![\w-])/

/** Whether a text holds something that looks like a token or a ticket. */
export function looksSecret(text) {
  return JWT.test(text) || RANDOM_WORD.test(text)
}

/** Reads every place that a script of this page reaches: `{ place, entries, secret }` each. */
export async function gatherEvidence() {
  const findings = []
  for (const [place, read] of PLACES) {
    const entries = await Promise.resolve()
      .then(read)
      .catch((error) => [`not readable: ${error.name}`])
    findings.push({ place, entries, secret: entries.some(looksSecret) })
  }
  return findings
}

const PLACES = [
  ['document.cookie', () => document.cookie.split('; ').filter(Boolean)],
  ['cookieStore', readCookieStore],
  ['localStorage', () => readStorage(localStorage)],
  ['sessionStorage', () => readStorage(sessionStorage)],
  ['indexedDB', readDatabases],
  ['Cache Storage', readCaches],
  ['window, beyond a fresh one', readGlobals],
  ['Page address, history, referrer', readNavigation],
  ['Document', readDocument],
  ['Answers of the counter so far', () => [...answersSeen.values()].flat()],
]

async function readCookieStore() {
  if (!('cookieStore' in window)) return []
  return (await cookieStore.getAll()).map(({ name, value }) => `${name}=${value}`)
}

function readStorage(storage) {
  return Object.keys(storage).map((key) => `${key}=${storage.getItem(key)}`)
}

async function readDatabases() {
  const databases = (await indexedDB.databases?.()) ?? []
  const contents = await Promise.all(databases.map(({ name }) => readDatabase(name)))
  return contents.flat()
}

async function readDatabase(name) {
  const database = await settled(indexedDB.open(name))
  const stores = [...database.objectStoreNames]
  if (stores.length === 0) return [name]
  const transaction = database.transaction(stores)
  const contents = await Promise.all(
    stores.map(async (store) => {
      const values = await settled(transaction.objectStore(store).getAll())
      return `${name}/${store}: ${describe(values)}`
    }),
  )
  database.close()
  return contents
}

function settled(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
}

async function readCaches() {
  if (!('caches' in window)) return []
  const names = await caches.keys()
  const contents = await Promise.all(
    names.map(async (name) =>
      (await (await caches.open(name)).keys()).map(({ url }) => `${name}: ${url}`),
    ),
  )
  return contents.flat()
}

// A frame of our own is as a window was before any script: what is more here, a script has put here.
function readGlobals() {
  const frame = document.createElement('iframe')
  frame.hidden = true
  document.body.append(frame)
  const fresh = new Set(Object.getOwnPropertyNames(frame.contentWindow))
  frame.remove()
  const added = Object.getOwnPropertyNames(window).filter(
    (name) => !fresh.has(name) && !/^\d+$/.test(name),
  )
  return added.map((name) => `${name}: ${describe(window[name])}`)
}

function readNavigation() {
  const entries = performance.getEntries().filter(({ name }) => name.startsWith('http'))
  const secretEntries = entries.map(({ name }) => name).filter(looksSecret)
  const places = {
    'location.href': location.href,
    'document.referrer': document.referrer,
    'window.name': window.name,
  }
  const lines = Object.entries(places).filter(([, value]) => value !== '')
  if (history.state !== null) lines.push(['history.state', describe(history.state)])
  return [...lines.map(([name, value]) => `${name}: ${value}`), ...secretEntries]
}

function readDocument() {
  const html = document.documentElement.outerHTML
  const fields = [...document.querySelectorAll('input, textarea')].map(({ value }) => value)
  const secrets = [html, ...fields]
    .filter(looksSecret)
    .map((text) => text.match(JWT) ?? text.match(RANDOM_WORD))
  return [`${html.length.toLocaleString('en')} characters of markup`, ...secrets.flat()]
}

function describe(value) {
  if (typeof value === 'function') return 'function'
  try {
    return JSON.stringify(value) ?? String(value)
  } catch {
    return Object.prototype.toString.call(value)
  }
}
