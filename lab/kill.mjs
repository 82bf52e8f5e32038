// @ts-check
// `kill -9` at random moments under load: nothing acknowledged is lost, and nothing ended comes back.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { createFormBrowser, startDevProvider, TEST_USERS } from '@coatcheck/dev'
import { writeNewRing } from '@coatcheck/gateway'
import { freePort, temporaryFolder } from '../test/support/dev-process.ts'
import { send } from '../test/support/send.ts'
import { apiCall, listen, OWN_NAVIGATION } from '../test/support/stack.ts'

export const name = 'kill'
export const about = 'the gateway on SQLite, killed at random moments while people sign in and out'
export const aim = '0 lost, 0 revived'

const COMMAND = fileURLToPath(new URL('../packages/gateway/dist/coatcheck.js', import.meta.url))
const WORKERS = 6

/** @param {{ seconds: number, log: (line: string) => void }} options */
export async function run({ seconds, log }) {
  const folder = temporaryFolder()
  const port = await freePort()
  const origin = `http://localhost:${port}`
  const provider = await startDevProvider({ clientOrigin: origin })
  const upstream = await listen((_request, response) => response.end('{}'))
  const config = writeConfig(folder.path, origin, provider, upstream.port)
  const state = {
    origin,
    provider,
    live: new Set(),
    ended: new Set(),
    signedIn: 0,
    signedOut: 0,
    stopping: false,
    killing: false,
  }
  let gateway = await startGateway(config)
  let kills = 0
  let lost = 0
  let revived = 0
  const workers = Array.from({ length: WORKERS }, () => work(state))
  const until = Date.now() + seconds * 1000
  try {
    while (Date.now() < until || kills < 2) {
      await pause(200 + Math.random() * 900)
      state.killing = true
      gateway.kill('SIGKILL')
      await once(gateway, 'exit')
      gateway = await startGateway(config)
      kills += 1
      const result = await verify(state)
      lost += result.lost
      revived += result.revived
      state.killing = false
      log(
        `${kills} kills: ${state.signedIn} signed in, ${state.signedOut} signed out, ${lost} lost, ${revived} revived`,
      )
    }
  } finally {
    state.stopping = true
    state.killing = false
    await Promise.all(workers)
    gateway.kill('SIGKILL')
    await provider.close()
    upstream.server.closeAllConnections()
    upstream.server.close()
    folder.remove()
  }
  const happened = state.signedIn > 0 && state.signedOut > 0
  return {
    rows: [{ kills, 'signed in': state.signedIn, 'signed out': state.signedOut, lost, revived }],
    figures: [
      {
        name,
        value: `${lost} lost, ${revived} revived, ${kills} kills`,
        aim,
        ok: happened && lost === 0 && revived === 0,
      },
    ],
  }
}

/**
 * One person after another: signs in, perhaps calls, perhaps signs out. Only what was answered counts.
 * @param {any} state
 */
async function work(state) {
  const browser = createFormBrowser()
  let round = Math.floor(Math.random() * 2)
  while (!state.stopping) {
    if (state.killing) {
      await pause(10)
      continue
    }
    round += 1
    try {
      const ticket = await signIn(state, browser)
      state.live.add(ticket)
      state.signedIn += 1
      if (round % 2 === 0) await signOut(state, ticket)
    } catch {
      // The gateway was killed in mid-answer: whatever was not acknowledged may be either way.
      await pause(20)
    }
  }
}

/**
 * @param {any} state
 * @param {import('@coatcheck/dev').FormBrowser} browser
 */
async function signIn({ origin, provider }, browser) {
  const callback = `${origin}/auth/callback`
  const start = await send(`${origin}/auth/sign-in?return=/`, { headers: OWN_NAVIGATION })
  const transaction = start.headers.getSetCookie()[0]?.split(';')[0] ?? ''
  const first = await browser.open(start.headers.get('location') ?? '', callback)
  const [user] = TEST_USERS
  const fields = { username: user?.username ?? '', password: user?.password ?? '', choice: 'go' }
  const last = first.url.startsWith(callback)
    ? first
    : await browser.submit(first, fields, callback)
  if (!last.url.startsWith(provider.issuer) && !last.url.startsWith(callback))
    throw new Error('no callback')
  const answer = await send(last.url, { headers: { ...OWN_NAVIGATION, cookie: transaction } })
  const ticket = answer.headers
    .getSetCookie()
    .find((cookie) => /^__Host-Http-coatcheck-\d+=/.test(cookie))
  if (ticket === undefined) throw new Error('no ticket')
  return ticket.split(';')[0] ?? ''
}

/**
 * @param {any} state
 * @param {string} ticket
 */
async function signOut(state, ticket) {
  // From here until the answer it may be either way.
  state.live.delete(ticket)
  const headers = { origin: state.origin, 'sec-fetch-mode': 'cors', cookie: ticket }
  const answer = await send(`${state.origin}/auth/sign-out`, { method: 'POST', headers })
  if (answer.status !== 200) throw new Error(`sign-out: ${answer.status}`)
  state.ended.add(ticket)
  state.signedOut += 1
}

/** @param {any} state */
async function verify(state) {
  let lost = 0
  let revived = 0
  for (const ticket of state.live)
    if ((await apiCall(state, ticket, '/api/x')).status !== 200) lost += 1
  for (const ticket of state.ended)
    if ((await apiCall(state, ticket, '/api/x')).status !== 401) revived += 1
  return { lost, revived }
}

/** @param {string} config */
async function startGateway(config) {
  const child = spawn(process.execPath, [COMMAND, 'serve', config], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const lines = createInterface({ input: child.stdout })
  for await (const line of lines) if (line.startsWith('ready: ')) return child
  throw new Error('the gateway did not start')
}

/**
 * @param {string} folder
 * @param {string} origin
 * @param {import('@coatcheck/dev').DevProvider} provider
 * @param {number} upstreamPort
 */
function writeConfig(folder, origin, provider, upstreamPort) {
  writeFileSync(join(folder, 'secret'), provider.clientSecret, { mode: 0o600 })
  writeNewRing(join(folder, 'ring.json'))
  const config = {
    origin,
    provider: { issuer: provider.issuer, clientId: provider.clientId, clientSecretFile: 'secret' },
    ring: { file: 'ring.json' },
    sessions: { store: { kind: 'sqlite', file: 'sessions.sqlite' } },
    apis: [{ path: '/api/', upstream: `http://127.0.0.1:${upstreamPort}/` }],
    unsafe: ['insecure-http'],
  }
  const file = join(folder, 'coatcheck.json')
  writeFileSync(file, JSON.stringify(config))
  return file
}

/** @param {number} ms */
function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
