// Everything that a script can list: storages, databases, caches, the document, the history, and all objects within reach.
import { settled } from './settled.mjs'

const MAX_OBJECTS = 60_000
const MAX_DEPTH = 7

/** Where, and all text that is there. */
export async function listEverything() {
  const found = []
  const add = async (where, read) => {
    try {
      found.push([where, await read()])
    } catch {
      // Not in this browser, or not allowed: then nobody reads it.
    }
  }
  await add('localStorage', () => storageText(localStorage))
  await add('sessionStorage', () => storageText(sessionStorage))
  await add('document.cookie', () => document.cookie)
  await add('cookieStore', async () => JSON.stringify(await cookieStore.getAll()))
  await add('IndexedDB', databasesText)
  await add('caches', cachesText)
  await add('private file system', filesText)
  await add('locks', async () => JSON.stringify(await navigator.locks.query()))
  await add('history, window name, addresses', () =>
    [JSON.stringify(history.state), name, location.href, document.referrer, entriesText()].join(),
  )
  await add('performance entries', () => JSON.stringify(performance.getEntries()))
  await add('document', () => {
    const fields = [...document.querySelectorAll('input, textarea')].map(({ value }) => value)
    return [document.documentElement.outerHTML, ...fields].join('\n')
  })
  await add('objects', async () => objectsText([window, ...(await modules())]))
  return found
}

function storageText(storage) {
  return Array.from({ length: storage.length }, (_, index) => {
    const key = storage.key(index)
    return `${key} ${storage.getItem(key)}`
  }).join('\n')
}

function entriesText() {
  return globalThis.navigation?.entries().map(({ url, getState }) => `${url} ${getState}`)
}

async function databasesText() {
  const texts = []
  for (const { name } of await indexedDB.databases()) {
    const database = await settled(indexedDB.open(name))
    for (const store of database.objectStoreNames) {
      const records = database.transaction(store).objectStore(store)
      texts.push(name, store, JSON.stringify(await settled(records.getAllKeys())))
      texts.push(objectsText(await settled(records.getAll())))
    }
    database.close()
  }
  return texts.join('\n')
}

async function cachesText() {
  const texts = []
  for (const key of await caches.keys()) {
    const cache = await caches.open(key)
    for (const request of await cache.keys()) {
      const answer = await cache.match(request)
      texts.push(key, request.url, JSON.stringify([...request.headers]), await answer.text())
    }
  }
  return texts.join('\n')
}

async function filesText() {
  const texts = []
  const folder = await navigator.storage.getDirectory()
  for await (const [name, handle] of folder.entries()) {
    texts.push(name, handle.kind === 'file' ? await (await handle.getFile()).text() : '')
  }
  return texts.join('\n')
}

// What the page's own files export: the same instances that the page works with.
async function modules() {
  const files = performance
    .getEntriesByType('resource')
    .map(({ name }) => name)
    .filter((name) => /\/(?:page|chunk)[^/]*\.js$/.test(name))
  return Promise.all(files.map((file) => import(file).catch(() => undefined)))
}

/** All strings within reach of some objects: own members, whatever they are called, and what they inherit. */
export function objectsText(roots) {
  const texts = []
  const seen = new Set()
  const queue = [window.lab, ...roots].map((value) => ({ value, depth: 0 }))
  const visit = (value, depth) => {
    if (typeof value === 'string') texts.push(value)
    else if ((typeof value === 'object' && value !== null) || typeof value === 'function') {
      if (depth <= MAX_DEPTH && !seen.has(value)) queue.push({ value, depth })
    }
  }
  for (let at = 0; at < queue.length && seen.size < MAX_OBJECTS; at += 1) {
    const { value, depth } = queue[at]
    if (typeof value !== 'object' && typeof value !== 'function') continue
    if (value === null || seen.has(value) || value === window.hostile) continue
    seen.add(value)
    for (const key of Reflect.ownKeys(value)) {
      try {
        visit(value[key], depth + 1)
      } catch {
        // Some members refuse to be read from here.
      }
    }
    visit(Reflect.getPrototypeOf(value), depth + 1)
    if (value instanceof Map || value instanceof Set)
      for (const each of value.entries()) for (const part of each) visit(part, depth + 1)
  }
  return texts.join('\n')
}
