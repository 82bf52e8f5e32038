// @ts-check
// A service worker of the attacker's: it sees what pages and workers of its site send and are answered, in every tab and after
// the script is gone. It takes a file beside the worker's, and a policy that lets any file be one.
import { temporaryFolder } from '../../test/support/dev-process.ts'
import { openBrowser } from '../browsers/browsers.mjs'
import { signIn, until } from '../spa/steps.mjs'
import { inWords } from './canaries.mjs'
import { openStage, renew } from './stage.mjs'

const FILE = '/picture.js'
const SOURCE = `
const seen = []
const channel = new BroadcastChannel('loot')
channel.onmessage = () => channel.postMessage(seen.join('\\n'))
addEventListener('install', () => skipWaiting())
addEventListener('activate', (event) => event.waitUntil(clients.claim()))
addEventListener('fetch', (event) => event.respondWith(pass(event.request)))
async function pass(request) {
  seen.push(request.headers.get('authorization') ?? '')
  request.clone().text().then((text) => seen.push(text))
  const answer = await fetch(request)
  if (request.method === 'POST') seen.push(await answer.clone().text())
  return answer
}
`
const REGISTRATION = `
  window.outcome = 'nothing'
  document.addEventListener('securitypolicyviolation', () => { window.outcome = 'refused' })
  const policy = globalThis.trustedTypes?.createPolicy('hostile', { createScriptURL: (text) => text })
  navigator.serviceWorker.register(policy?.createScriptURL('${FILE}') ?? '${FILE}', { scope: '/' }).then(
    () => { window.outcome = 'registered' },
    () => { if (window.outcome === 'nothing') window.outcome = 'failed' },
  )
`
const LOOT = `new Promise((resolve) => {
  const channel = new BroadcastChannel('loot')
  channel.onmessage = ({ data }) => resolve(data)
  channel.postMessage('')
  setTimeout(() => resolve(''), 1000)
})`

/**
 * With a policy that lets every file of the site be a worker, as a control, and with one that names the worker's alone.
 * @param {string} browser
 * @param {string} place
 */
export async function serviceWorkerRows(browser, place) {
  const open = await attempt(browser, place, undefined)
  const closed = await attempt(browser, place, '/worker.js')
  return [
    {
      attack: 'T-BROWSER-02 a service worker, the policy says worker-src self (control)',
      said: 'not stopped',
      got: open.got,
      ok: open.kinds.length > 0,
    },
    {
      attack: 'T-BROWSER-02 a service worker, worker-src names the one file',
      said: 'stopped',
      got: closed.got,
      ok: closed.kinds.length === 0 && closed.outcome === 'refused',
    },
  ]
}

/**
 * @param {string} browser
 * @param {string} place
 * @param {string | undefined} workerSource
 */
async function attempt(browser, place, workerSource) {
  const profile = temporaryFolder()
  const stage = await openStage({
    files: { [FILE]: SOURCE },
    ...(workerSource === undefined ? {} : { workerSource }),
  })
  const { page, close } = await openBrowser(browser, profile.path)
  try {
    await signIn(page, `${stage.site.origin}/${place}/`)
    await page.start(REGISTRATION)
    const outcome = await until(() =>
      page.evaluate("window.outcome !== 'nothing' && window.outcome"),
    )
    // It takes over the pages that are there.
    await until(() => page.evaluate('Boolean(navigator.serviceWorker.controller)'), 2000).catch(
      () => {},
    )
    await renew(page, stage)
    await page.evaluate("lab.call('orders')")
    const kinds = stage.canaries.kindsIn(await page.evaluate(LOOT))
    return { outcome, kinds, got: `${inWords(kinds)}; registration ${outcome}` }
  } finally {
    await close()
    await stage.close()
    profile.remove()
  }
}
