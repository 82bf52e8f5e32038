// @ts-check
// A stolen dump of each store: no ticket, no token, no person in it; and nothing opens without the ring.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { startDevProvider, TEST_USERS } from '@coatcheck/dev'
import { freePort, temporaryFolder } from '../test/support/dev-process.ts'
import { apiCall, beginSignIn, cookiesOf, finishSignIn, listen } from '../test/support/stack.ts'
import { startGateways } from './storm/gateways.mjs'
import { startStore } from './storm/stores.mjs'

export const name = 'dump'
export const about =
  'SQLite file, Redis RDB and values, pg_dump: after sign-ins, renewals and endings, sought for every secret'
export const aim = '0 found, 0 opened'
export const needs = ['servers']

const STORES = ['sqlite', 'redis', 'postgres']
const USER_AGENT = 'CanaryBrowser/7731'
const RENEWALS_MS = 1400

/** @param {{ seconds: number, log: (line: string) => void }} options */
export async function run({ seconds, log }) {
  const people = Math.max(3, Math.min(20, Math.round(seconds / 2)))
  const rows = []
  const figures = []
  for (const kind of STORES) {
    log(`${kind}: ${people} sessions`)
    const row = await dumpOf(kind, people)
    rows.push(row)
    figures.push({
      name: kind,
      value: `${row.found} found of ${row.sought}, ${row['opened with another ring']} opened`,
      aim,
      ok:
        row.found === 0 &&
        row['opened with another ring'] === 0 &&
        row['control: planted and found'] === row.sought &&
        row['control: opened with the ring'] > 0,
    })
  }
  return { rows, figures }
}

/**
 * @param {string} kind
 * @param {number} people
 */
async function dumpOf(kind, people) {
  const folder = temporaryFolder()
  const otherFolder = temporaryFolder()
  const origin = `http://localhost:${await freePort()}`
  /** @type {Set<string>} */
  const secrets = new Set()
  const provider = await startDevProvider({
    clientOrigin: origin,
    accessTokenSeconds: 2,
    onTokenOutcome: ({ issued, code, refreshToken }) => {
      for (const secret of [...Object.values(issued ?? {}), code, refreshToken]) {
        if (typeof secret === 'string' && secret.length > 20) secrets.add(secret)
      }
    },
  })
  const api = await listen((_request, response) => response.end('{}'))
  const store = await startStore(kind)
  const shared = { origin, provider, apiPort: api.port, count: 1, onLine: () => {} }
  const gateways = await startGateways({
    ...shared,
    folder: folder.path,
    sessions: { store: store.config },
  })
  try {
    const entrance = { origin, address: `http://localhost:${gateways.ports[0]}` }
    const tickets = await live(entrance, people, secrets)
    const dump = Buffer.concat([...((await store.dump?.()) ?? []), ...filesOf(folder.path)])
    const needles = needlesOf(secrets, tickets)
    const planted = Buffer.concat([dump, ...needles.map((needle) => Buffer.from(needle))])
    const reader = { host: new URL(origin).host, tickets }
    const opened = await countOpened(entrance.address, reader)
    // The same store in the hands of somebody with a ring of his own.
    const config =
      kind === 'sqlite' ? { kind, file: join(folder.path, 'sessions.sqlite') } : store.config
    const thief = await startGateways({
      ...shared,
      folder: otherFolder.path,
      sessions: { store: config },
    })
    const stolen = await countOpened(`http://localhost:${thief.ports[0]}`, reader)
    await thief.close()
    return {
      store: kind,
      'bytes of dump': dump.length,
      sessions: people,
      sought: needles.length,
      found: needles.filter((needle) => dump.includes(needle)).length,
      'control: planted and found': needles.filter((needle) => planted.includes(needle)).length,
      'opened with another ring': stolen,
      'control: opened with the ring': opened,
    }
  } finally {
    await gateways.close()
    await provider.close()
    await store.close()
    api.server.closeAllConnections()
    api.server.close()
    folder.remove()
    otherFolder.remove()
  }
}

/**
 * Signs in, renews, and ends every third session.
 * @param {{ origin: string, address: string }} entrance
 * @param {number} people
 * @param {Set<string>} secrets
 */
async function live({ origin, address }, people, secrets) {
  const { host } = new URL(origin)
  const tickets = []
  for (let index = 0; index < people; index += 1) {
    const pending = await beginSignIn({ origin, address }, index % 2 === 0 ? 'ada' : 'grace')
    const answer = await finishSignIn(pending, undefined, { 'user-agent': USER_AGENT })
    const ticket = cookiesOf(answer).find((pair) => /^__Host-Http-coatcheck-\d+=/.test(pair))
    if (ticket === undefined) throw new Error(`no ticket: ${answer.status}`)
    tickets.push(ticket)
    secrets.add(ticket.split('=')[1] ?? '')
  }
  await new Promise((resolve) => setTimeout(resolve, RENEWALS_MS))
  for (const [index, ticket] of tickets.entries()) {
    await apiCall({ origin: address }, ticket, '/api/x', { headers: { host } })
    if (index % 3 !== 2) continue
    const headers = { host, origin, 'sec-fetch-mode': 'cors' }
    await apiCall({ origin: address }, ticket, '/auth/sign-out', { method: 'POST', headers })
  }
  return tickets
}

/**
 * @param {string} address
 * @param {{ host: string, tickets: string[] }} reader
 */
async function countOpened(address, { host, tickets }) {
  let opened = 0
  for (const ticket of tickets) {
    const answer = await apiCall({ origin: address }, ticket, '/auth/session', {
      headers: { host },
    })
    if ((await answer.json()).state === 'signed_in') opened += 1
  }
  return opened
}

/**
 * Every secret as it is, and as others write bytes; of JWTs and tickets also the parts.
 * @param {Set<string>} secrets
 * @param {string[]} tickets
 */
function needlesOf(secrets, tickets) {
  const texts = [...secrets].flatMap((secret) => [secret, ...secret.split('.')])
  for (const ticket of tickets) texts.push((ticket.split('=')[1] ?? '').slice(24))
  for (const { username } of TEST_USERS) texts.push(`${username}@users.example`)
  texts.push('u-ada-1815', 'u-grace-1906', 'Ada Lovelace', 'Grace Hopper', USER_AGENT)
  const long = texts.filter((text) => text.length >= 8)
  return [...new Set(long.flatMap(formsOf))]
}

/** @param {string} text */
function formsOf(text) {
  const bytes = Buffer.from(text)
  return [text, bytes.toString('base64').replace(/=+$/, ''), bytes.toString('hex')]
}

/** @param {string} folder */
function filesOf(folder) {
  return readdirSync(folder)
    .filter((file) => file.startsWith('sessions.sqlite'))
    .map((file) => readFileSync(join(folder, file)))
}
