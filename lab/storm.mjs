// @ts-check
// Many sessions, each with many requests at once, over four gateways and one store, while access tokens live two seconds.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { startDevProvider } from '@coatcheck/dev'
import { freePort, temporaryFolder } from '../test/support/dev-process.ts'
import { apiCall, beginSignIn, cookiesOf, finishSignIn } from '../test/support/stack.ts'
import { startGateways } from './storm/gateways.mjs'
import { createLedger } from './storm/ledger.mjs'
import { startStore } from './storm/stores.mjs'

export const name = 'storm'
export const about =
  'four gateways on one store, 200 sessions with 50 requests at once each, access tokens of 2 s, rotation with reuse detection'
export const choices = {
  store: ['sqlite', 'redis', 'sentinel', 'cluster', 'postgres', 'all'],
  fault: ['none', 'kill', 'failover', 'restart', '503', 'drop'],
}
export const aim = '0 lost without a reason, 0 refresh tokens sent twice'
export const needs = ['servers']

const LOAD = fileURLToPath(new URL('storm/load.mjs', import.meta.url))
const GATEWAYS = 4
const SESSIONS = 200
const PARALLEL = 50
const KILL_EVERY_MS = 5000
const SETTLE_MS = 45_000
const SUBJECTS = [
  { username: 'ada', subject: 'u-ada-1815' },
  { username: 'grace', subject: 'u-grace-1906' },
]
/** What a fault makes unrecoverable, by the gateways' own words for it. */
const EXPLAINED = {
  none: [],
  503: [],
  drop: ['lost no_answer'],
  kill: ['given_up no_answer_recorded'],
  // The store's answer to a crash in mid-renewal is the same; a replica that was behind shows a spent token.
  restart: [],
  failover: ['given_up no_answer_recorded', 'refused invalid_grant', 'not there'],
}

/** @type {readonly (readonly [store: string, fault: string])[]} */
const EVERYTHING = [
  ['sqlite', 'none'],
  ['redis', 'none'],
  ['cluster', 'none'],
  ['postgres', 'none'],
  ['sqlite', 'kill'],
  ['redis', 'kill'],
  ['postgres', 'kill'],
  ['sentinel', 'failover'],
  ['cluster', 'failover'],
  ['postgres', 'restart'],
  ['redis', '503'],
  ['postgres', 'drop'],
]

/** @param {{ seconds: number, store?: string, fault?: string, log: (line: string) => void }} options */
export async function run({ seconds, store = 'sqlite', fault = 'none', log }) {
  if (store !== 'all') return storm({ seconds, kind: store, fault, log })
  const results = []
  for (const [kind, each] of EVERYTHING) {
    results.push(await storm({ seconds, kind, fault: each, log }))
  }
  return {
    rows: results.flatMap(({ rows }) => rows),
    figures: results.flatMap(({ figures }) => figures),
  }
}

/** @param {{ seconds: number, kind: string, fault: string, log: (line: string) => void }} options */
async function storm({ seconds, kind, fault, log }) {
  const isShort = seconds < 20
  const sessionCount = isShort ? 12 : SESSIONS
  const ledger = createLedger()
  const marked = new Set()
  const faults = { kills: 0, isOver: false }
  const folder = temporaryFolder()
  const origin = `http://localhost:${await freePort()}`
  const host = new URL(origin).host
  const provider = await startDevProvider({
    clientOrigin: origin,
    accessTokenSeconds: 2,
    onTokenRequest: ({ grantType, refreshToken = '' }) => {
      if (grantType !== 'refresh_token') return undefined
      if (fault === '503') {
        return !faults.isOver && Math.random() < 0.5 ? 'unavailable' : undefined
      }
      const owner = ledger.ownerOf(refreshToken) ?? ''
      // Once each: whoever lost it has nothing more to lose.
      return fault === 'drop' && marked.delete(owner) ? 'answer_lost' : undefined
    },
    onTokenOutcome: (outcome) => ledger.token(outcome),
  })
  const store = await startStore(kind)
  const load = fork(LOAD, { execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  const [{ port: apiPort }] = await once(load, 'message')
  const jwks = await (await fetch(`${provider.issuer}/jwks`)).json()
  load.send({ kind: 'keys', jwks })
  await once(load, 'message')
  const gateways = await startGateways({
    folder: folder.path,
    origin,
    provider,
    apiPort,
    sessions: { store: store.config },
    count: GATEWAYS,
    onLine: (line) => ledger.log(line),
  })
  const address = `http://localhost:${gateways.ports[0]}`
  const entrance = { origin, address, host }
  try {
    log(`${kind}, ${fault}: signing ${sessionCount} sessions in`)
    const sessions = await signInAll(entrance, sessionCount)
    for (const [index, { code }] of sessions.entries()) if (index % 20 === 0) marked.add(code)
    const began = Date.now()
    const until = began + seconds * 1000
    log(`storm for ${seconds} s`)
    load.send({
      kind: 'storm',
      tickets: sessions,
      ports: gateways.ports,
      host,
      parallel: isShort ? 20 : PARALLEL,
      until,
    })
    const raging = rage({ fault, gateways, store, until, seconds, faults, log })
    const [{ counts }] = await once(load, 'message')
    faults.isOver = true
    await raging
    const books = await settle({ entrance, sessions, ledger, fault, log })
    return report({ kind, fault, sessions, counts, ledger, faults, books })
  } finally {
    faults.isOver = true
    load.kill('SIGKILL')
    await gateways.close()
    await provider.close()
    await store.close()
    folder.remove()
  }
}

/**
 * @param {{ origin: string, address: string, host: string }} entrance
 * @param {number} count
 */
async function signInAll(entrance, count) {
  /** @type {import('./storm/ledger.mjs').StormSession[]} */
  const sessions = []
  const work = async () => {
    while (sessions.length < count) sessions.push(await signIn(entrance, sessions.length))
  }
  await Promise.all([work(), work(), work()])
  return sessions.slice(0, count)
}

/**
 * @param {{ origin: string, address: string, host: string }} entrance
 * @param {number} index
 */
async function signIn(entrance, index) {
  const person = SUBJECTS[index % SUBJECTS.length]
  if (person === undefined) throw new Error('nobody')
  const pending = await beginSignIn(entrance, person.username)
  const answer = await finishSignIn(pending)
  const ticket = cookiesOf(answer).find((pair) => /^__Host-Http-coatcheck-\d+=/.test(pair))
  if (ticket === undefined) throw new Error(`no ticket: ${answer.status}`)
  const code = new URL(pending.callbackUrl).searchParams.get('code') ?? ''
  const shortId = (ticket.split('=')[1] ?? '').slice(0, 8)
  return { ticket, subject: person.subject, shortId, code }
}

/** @param {any} input */
async function rage({ fault, gateways, store, until, seconds, faults, log }) {
  if (fault === 'kill') {
    const everyMs = seconds < 20 ? 1000 : KILL_EVERY_MS
    while (!faults.isOver && Date.now() + everyMs < until) {
      await pause(everyMs)
      await gateways.kill(faults.kills % GATEWAYS)
      faults.kills += 1
      log(`kill -9, started again: ${faults.kills}`)
    }
    return
  }
  const strike =
    fault === 'failover' ? store.failover : fault === 'restart' ? store.restart : undefined
  if (fault !== 'failover' && fault !== 'restart') return
  if (strike === undefined) throw new Error(`this store has no ${fault}`)
  await pause((seconds * 1000) / 3)
  await strike()
  faults.kills += 1
  log(`${fault} done`)
}

/**
 * Looks at every session once it is quiet: as good as before, or lost for a reason; and whoever lost it signs in.
 * @param {any} input
 */
async function settle({ entrance, sessions, ledger, fault, log }) {
  /** @type {Map<string, number>} */
  const reasons = new Map()
  const explained = /** @type {Record<string, string[]>} */ (EXPLAINED)[fault] ?? []
  let lost = 0
  let unexplained = 0
  let signedInAgain = 0
  for (const [index, session] of sessions.entries()) {
    const { status, code } = await lastWord(entrance, session)
    if (status === 200) continue
    lost += 1
    const reason = reasonOf(ledger, session, code)
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
    if (!explained.includes(reason)) {
      unexplained += 1
      log(`lost without a reason: ${session.shortId} ${status} ${code} ${reason}`)
    }
    const again = await signIn(entrance, index)
    if ((await lastWord(entrance, again)).status === 200) signedInAgain += 1
  }
  return { lost, unexplained, signedInAgain, reasons }
}

/**
 * @param {any} entrance
 * @param {{ ticket: string, subject: string }} session
 */
async function lastWord(entrance, { ticket, subject }) {
  const until = Date.now() + SETTLE_MS
  for (;;) {
    const headers = { host: entrance.host, 'x-sent-at': String(Date.now()), 'x-subject': subject }
    const answer = await apiCall({ origin: entrance.address }, ticket, '/api/x', { headers })
    if (answer.status === 200) return { status: 200, code: '' }
    const { code } = await answer.json()
    // A lease of one that was killed, or a store that has just come back: later.
    if (answer.status !== 503 || Date.now() > until) return { status: answer.status, code }
    await pause(1000)
  }
}

/**
 * @param {ReturnType<typeof createLedger>} ledger
 * @param {{ shortId: string }} session
 * @param {string} code
 */
function reasonOf(ledger, { shortId }, code) {
  const failure = ledger.failures.get(shortId)
  if (failure !== undefined) return `${failure.reason} ${failure.why}`
  return code === 'signed_out' && !ledger.ended.has(shortId) ? 'not there' : `${code}`
}

/** @param {any} input */
function report({ kind, fault, sessions, counts, ledger, faults, books }) {
  const { totals } = ledger
  const refusals = counts.statuses['401'] ?? 0
  const { lost, unexplained, signedInAgain, reasons } = books
  const isCalm = fault === 'none' || fault === '503'
  const sameCount = totals.rotated === totals.renewed
  const ok =
    unexplained === 0 &&
    signedInAgain === lost &&
    counts.falseTokens === 0 &&
    (counts.statuses['200'] ?? 0) > 0 &&
    totals.renewed > 0 &&
    (fault === 'failover' || totals.sentTwice === 0) &&
    (!isCalm || (refusals === 0 && lost === 0 && sameCount))
  const row = {
    store: kind,
    fault: faults.kills > 0 ? `${fault} (${faults.kills})` : fault,
    sessions: sessions.length,
    requests: counts.requests,
    'with 200': counts.statuses['200'] ?? 0,
    'with 401': refusals,
    'with 503': counts.statuses['503'] ?? 0,
    'other answers': others(counts.statuses),
    'broken connections': counts.broken,
    'token requests': totals.tokenRequests,
    'answered 503': totals.unavailable,
    rotated: totals.rotated,
    'renewals kept': totals.renewed,
    'sent twice': totals.sentTwice,
    refused: totals.refused,
    lost,
    'lost because': [...reasons].map(([reason, count]) => `${count} ${reason}`).join(', '),
    'signed in again': signedInAgain,
    'false tokens at the API': counts.falseTokens,
    'slowest answer, s': counts.slowestMs / 1000,
  }
  const value = `${lost} lost, ${unexplained} without a reason, ${refusals} x 401, ${totals.tokenRequests} token requests, ${totals.renewed} renewals`
  return { rows: [row], figures: [{ name: `${kind} ${fault}`, value, aim, ok }] }
}

/** @param {Record<string, number>} statuses */
function others(statuses) {
  return Object.entries(statuses)
    .filter(([status]) => !['200', '401', '503'].includes(status))
    .map(([status, count]) => `${count} x ${status}`)
    .join(', ')
}

/** @param {number} ms */
function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
