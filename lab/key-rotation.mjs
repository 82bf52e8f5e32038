// @ts-check
// The key ring rotated again and again by its command, while two gateways are under load: on one store, or without any,
// their sessions in cookies.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { startDevProvider } from '@coatcheck/dev'
import { freePort, temporaryFolder } from '../test/support/dev-process.ts'
import { apiCall, beginSignIn, cookiesOf, finishSignIn } from '../test/support/stack.ts'
import { openCookies } from './key-rotation/cookies.mjs'
import { openRecords } from './key-rotation/records.mjs'
import { createRingHandler } from './key-rotation/ring.mjs'
import { answerOf } from './storm/answer-of.mjs'
import { startGateways } from './storm/gateways.mjs'
import { startStore } from './storm/stores.mjs'

export const name = 'key-rotation'
export const about =
  'two gateways, 200 sessions in a store (access tokens of 2 s) or in cookies under load, the key ring rotated ten times: added, promoted, retired'
export const choices = { store: ['sqlite', 'redis', 'cookies', 'all'] }
export const aim = '0 x 401, every session alive and under a key that remains'
export const needs = ['servers']

const LOAD = fileURLToPath(new URL('storm/load.mjs', import.meta.url))
const ALL = ['sqlite', 'redis', 'cookies']
const GATEWAYS = 2
const PARALLEL = 4
const SLICE_MS = 5000
const MOVED_WITHIN_MS = 120_000
const UNDER_WAY_MS = 2000
const SUBJECTS = [
  { username: 'ada', subject: 'u-ada-1815' },
  { username: 'grace', subject: 'u-grace-1906' },
]

/**
 * @typedef {{ ticket: string, subject: string }} Session
 * @typedef {{ origin: string, address: string, host: string }} Entrance
 */

/** @param {{ seconds: number, store?: string, log: (line: string) => void }} options */
export async function run({ seconds, store = 'sqlite', log }) {
  const rows = []
  const figures = []
  for (const kind of store === 'all' ? ALL : [store]) {
    const result = await prove({ seconds, kind, log })
    rows.push(...result.rows)
    figures.push(...result.figures)
  }
  return { rows, figures }
}

/** @param {{ seconds: number, kind: string, log: (line: string) => void }} options */
async function prove({ seconds, kind, log }) {
  const isShort = seconds < 20
  const folder = temporaryFolder()
  const origin = `http://localhost:${await freePort()}`
  const inCookies = kind === 'cookies'
  // What lies in cookies is not renewed by two processes.
  const accessTokenSeconds = inCookies ? 3600 : 2
  const provider = await startDevProvider({ clientOrigin: origin, accessTokenSeconds })
  const store = inCookies ? undefined : await startStore(kind)
  const load = fork(LOAD, { execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  const [{ port: apiPort }] = await once(load, 'message')
  load.send({ kind: 'keys', jwks: await (await fetch(`${provider.issuer}/jwks`)).json() })
  await once(load, 'message')
  const ring = createRingHandler({ folder: folder.path, gateways: GATEWAYS })
  const gateways = await startGateways({
    folder: folder.path,
    origin,
    provider,
    apiPort,
    sessions: store === undefined ? { kind: 'sealed-cookie' } : { store: store.config },
    count: GATEWAYS,
    onLine: ring.log,
  })
  const host = new URL(origin).host
  const entrance = { origin, address: `http://localhost:${gateways.ports[0]}`, host }
  try {
    const count = isShort ? 12 : 200
    log(`${kind}: signing ${count} sessions in`)
    const sessions = await signInAll(entrance, count)
    const tickets = sessions.map(({ ticket }) => ticket)
    const records =
      store === undefined
        ? openCookies({ load, tickets })
        : openRecords({ folder: folder.path, config: store.config, tickets })
    const storm = startStorm(load, { sessions, ports: gateways.ports, host })
    const until = Date.now() + seconds * 1000
    const rotations = isShort ? 3 : 10
    const rotated = await rotate({ ring, records, rotations, inCookies, log })
    while (Date.now() < until) await pause(SLICE_MS)
    const counts = await storm.end()
    const books = await closeBooks({ entrance, sessions, ring, records, inCookies })
    records.close()
    return report({ kind, sessions, counts, rotated, books })
  } finally {
    load.kill('SIGKILL')
    await gateways.close()
    await provider.close()
    await store?.close()
    folder.remove()
  }
}

/**
 * @param {Entrance} entrance
 * @param {number} count
 */
async function signInAll(entrance, count) {
  /** @type {Session[]} */
  const sessions = []
  for (let index = 0; index < count; index += 1) {
    const { username = '', subject = '' } = SUBJECTS[index % SUBJECTS.length] ?? {}
    const answer = await finishSignIn(await beginSignIn(entrance, username))
    const ticket = cookiesOf(answer).find((pair) => /^__Host-Http-coatcheck-\d+=/.test(pair))
    if (ticket === undefined) throw new Error(`no ticket: ${answer.status}`)
    sessions.push({ ticket, subject })
  }
  return sessions
}

/**
 * Requests without a pause, in slices, until it is told to end.
 * @param {import('node:child_process').ChildProcess} load
 * @param {{ sessions: Session[], ports: number[], host: string }} task
 */
function startStorm(load, { sessions, ports, host }) {
  let isOver = false
  async function work() {
    for (;;) {
      const until = Date.now() + SLICE_MS
      // Each slice begins with somebody else: on a slow machine it does not reach everybody.
      const first = Math.floor(Math.random() * sessions.length)
      const tickets = [...sessions.slice(first), ...sessions.slice(0, first)]
      load.send({ kind: 'storm', tickets, ports, host, parallel: PARALLEL, until })
      const { counts } = await answerOf(load, 'counts')
      if (isOver) return counts
    }
  }
  const working = work()
  return {
    end: () => {
      isOver = true
      return working
    },
  }
}

/**
 * Adds, promotes, and takes the former key away by force once no session lies under it; before that it is asked
 * for without force, which must be refused.
 * @param {any} input
 */
async function rotate({ ring, records, rotations, inCookies, log }) {
  const done = { added: 0, promoted: 0, refused: 0, retired: 0 }
  while (done.promoted < rotations) {
    await ring.add()
    done.added += 1
    const keys = await ring.promote()
    done.promoted += 1
    const former = keys.find((/** @type {any} */ { role }) => role === 'former').id
    if (await ring.refuses(former)) done.refused += 1
    await emptied(records, former)
    // What was sent before still has the cookie of before.
    if (inCookies) await pause(UNDER_WAY_MS)
    await ring.forget(former)
    done.retired += 1
    log(`rotated ${done.promoted} times`)
  }
  return done
}

/**
 * @param {ReturnType<typeof openRecords>} records
 * @param {string} key
 */
async function emptied(records, key) {
  const began = Date.now()
  while (((await records.countByKey()).get(key) ?? 0) > 0) {
    if (Date.now() - began > MOVED_WITHIN_MS) throw new Error('sessions did not move')
    await pause(100)
  }
}

/**
 * What is left when it is quiet: who is signed in, where their sessions lie, and whether operators find them.
 * @param {any} input
 */
async function closeBooks({ entrance, sessions, ring, records, inCookies }) {
  let alive = 0
  const cookies = await records.cookies()
  for (const [index, { subject }] of sessions.entries()) {
    const ticket = cookies[index] ?? ''
    const headers = { host: entrance.host, 'x-sent-at': String(Date.now()), 'x-subject': subject }
    const answer = await apiCall({ origin: entrance.address }, ticket, '/api/x', { headers })
    if (answer.status === 200) alive += 1
  }
  const keys = ring.list()
  const counts = await records.countByKey()
  const underKeys = keys.reduce(
    (/** @type {number} */ sum, /** @type {any} */ { id }) => sum + (counts.get(id) ?? 0),
    0,
  )
  if (inCookies) return { alive, keys: keys.length, underKeys, found: undefined }
  let found = 0
  for (const { subject } of SUBJECTS) {
    const listed = await ring.command('sessions', 'list', 'gateway-0.json', subject, '--json')
    found += JSON.parse(listed).length
  }
  return { alive, keys: keys.length, underKeys, found }
}

/** @param {any} input */
function report({ kind, sessions, counts, rotated, books }) {
  const { 200: good = 0, 401: signedOut = 0, ...others } = counts.statuses
  const total = sessions.length
  const ok =
    good > 0 &&
    signedOut === 0 &&
    counts.broken === 0 &&
    Object.keys(others).length === 0 &&
    rotated.refused === rotated.promoted &&
    [books.alive, books.underKeys, books.found ?? total].every((number) => number === total)
  const row = {
    store: kind,
    sessions: total,
    requests: counts.requests,
    'with 200': good,
    'with 401': signedOut,
    'other answers': Object.entries(others)
      .map(([status, count]) => `${count} x ${status}`)
      .join(', '),
    'broken connections': counts.broken,
    'keys added, promoted, retired': `${rotated.added}, ${rotated.promoted}, ${rotated.retired}`,
    'retiring refused before its time': rotated.refused,
    'alive at the end': books.alive,
    'under a key that remains': books.underKeys,
    'found by their person': books.found ?? 'not listed',
    'keys at the end': books.keys,
    'slowest answer, s': counts.slowestMs / 1000,
  }
  const value = `${signedOut} x 401 in ${counts.requests} requests, ${books.alive} of ${total} alive, ${rotated.promoted} rotations`
  return { rows: [row], figures: [{ name: `${name} ${kind}`, value, aim, ok }] }
}

/** @param {number} ms */
function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
