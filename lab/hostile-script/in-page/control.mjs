// Puts a text where tokens could be, and through what they could go: a search that misses it proves nothing.
import { settled } from './settled.mjs'

/** Puts it into every place that is listed. Gives back the names of these places. */
export async function plant(text) {
  localStorage.setItem('planted', text)
  sessionStorage.setItem('planted', text)
  // biome-ignore lint/suspicious/noDocumentCookie: as an attacker sees it.
  document.cookie = `planted=${text}; Secure; Path=/`
  const opening = indexedDB.open('planted')
  opening.onupgradeneeded = () => opening.result.createObjectStore('planted')
  const database = await settled(opening)
  const records = database.transaction('planted', 'readwrite').objectStore('planted')
  await settled(records.put({ inside: [text] }, 'key'))
  database.close()
  const cache = await caches.open('planted')
  await cache.put('/planted', new Response(text))
  history.replaceState({ planted: text }, '')
  document.body.dataset.planted = text
  window.planted = { [Symbol('planted')]: Object.create({ deeply: new Map([['key', [text]]]) }) }
  return [
    ...['localStorage', 'sessionStorage', 'document.cookie', 'IndexedDB', 'caches'],
    ...['history, window name, addresses', 'document', 'objects'],
  ]
}

/** Sends it through built-ins that a client would use. Gives back their names. */
export async function sendThrough(text) {
  const bytes = new TextEncoder().encode(text)
  const { port1, port2 } = new MessageChannel()
  const channel = new BroadcastChannel('control')
  const heard = new Promise((resolve) => {
    port2.addEventListener('message', ({ data }) => resolve(data))
    port2.start()
  })
  port1.postMessage(text)
  await heard
  channel.postMessage({ text })
  new Headers().set('x-control', text)
  new URLSearchParams().set('control', text)
  JSON.stringify(JSON.parse(`"${text}"`))
  text.split('.')
  ;[text].map((each) => each)
  sessionStorage.setItem('control', text)
  await Promise.resolve(text).then((each) => each)
  await crypto.subtle.digest('SHA-256', bytes)
  await fetch(new Request('/control.txt', { headers: { 'x-control': text } }))
  await new Response(text).text()
  await (async () => ({ inside: text }))()
  channel.close()
  port2.close()
  return [
    ...['TextEncoder.prototype.encode', 'MessagePort.prototype.postMessage'],
    ...['BroadcastChannel.prototype.postMessage', 'Headers.prototype.set'],
    ...['URLSearchParams.prototype.set', 'JSON.parse', 'JSON.stringify', 'String.prototype.split'],
    ...['Array.prototype.map', 'Storage.prototype.setItem', 'Promise.prototype.then'],
    ...[
      'MessageEvent.prototype.data',
      'SubtleCrypto.prototype.digest',
      'fetch',
      'Request',
      'Object.prototype.then',
    ],
  ]
}
