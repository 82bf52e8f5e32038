// The page of a single-page app without a server: its last path segment says where it keeps its tokens.
import { createTokenClient, memoryStore } from 'coatcheck/token-client'
import { dpopKeys } from 'coatcheck/token-dpop'
import { localStorageStore } from 'coatcheck/token-local-storage'
import { scriptCookieStore } from 'coatcheck/token-script-cookie'
import { sessionStorageStore } from 'coatcheck/token-session-storage'
import { workerStore } from 'coatcheck/token-worker-store'

const settings = JSON.parse(document.querySelector('#settings').textContent)
const place = location.pathname.split('/')[1]
const domain = location.hostname.split('.').slice(1).join('.')
// The page enforces Trusted Types: the address of a worker's file is one.
const policy = globalThis.trustedTypes?.createPolicy('worker', { createScriptURL: (text) => text })
const addressOf = (text) => policy?.createScriptURL(text) ?? text
const stores = {
  memory: () => memoryStore(),
  session_storage: () => sessionStorageStore(),
  local_storage: () => localStorageStore(),
  script_cookie: () => scriptCookieStore(),
  script_cookie_lasting: () => scriptCookieStore({ maxAgeSeconds: 3600 }),
  script_cookie_shared: () => scriptCookieStore({ domain, sameSite: 'Lax' }),
  worker: () => workerStore(() => new Worker(addressOf('/worker.js'), { type: 'module' })),
}

// What a lab sets: how far this machine's clock is wrong.
let clockMs = Number(new URLSearchParams(location.search).get('clock') ?? 0)

const { isBound, ...options } = settings

export const tokens = createTokenClient({
  ...options,
  ...(isBound ? { dpop: dpopKeys() } : {}),
  ...(place === 'worker' ? {} : { clock: () => Date.now() + clockMs }),
  redirectUri: `${location.origin}/${place}/`,
  store: stores[place](),
})

const states = []
tokens.subscribe((state) => {
  states.push(state)
  document.title = state.state
})

// Everything that tabs tell each other.
const heard = []
const channel = new BroadcastChannel(`coatcheck:${settings.issuer}:${settings.clientId}`)
channel.addEventListener('message', ({ data }) => heard.push(JSON.stringify(data)))

// Calls the API again and again, as a busy page does, and counts what comes back.
const counts = {}
let isWorking = false
async function work(pauseMs) {
  isWorking = true
  while (isWorking) {
    const { status, error } = await lab.call('orders')
    counts[status ?? error] = (counts[status ?? error] ?? 0) + 1
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
}

const codeOf = (error) => ({ error: error.code ?? error.name })

window.lab = {
  tokens,
  api: settings.apis[0],
  states,
  state: () => tokens.state().catch(codeOf),
  signIn: (options) => void tokens.signIn(options).catch((error) => states.push(codeOf(error))),
  resume: () => tokens.resume().catch(codeOf),
  signOut: (options) => tokens.signOut(options).catch(codeOf),
  call: (path, init) =>
    tokens
      .fetch(new URL(path, settings.apis[0]), init)
      .then(async (answer) => ({ status: answer.status, text: await answer.text() }))
      .catch(codeOf),
  work: (pauseMs) => void work(pauseMs),
  rest: () => {
    isWorking = false
  },
  report: () => ({ counts, heard, states: states.map(({ state, error }) => state ?? error) }),
  setClock: (ms) => {
    clockMs = ms
  },
  accept: (answer) => tokens.accept(answer).catch(codeOf),
}
document.title = 'loaded'
