// @ts-check
// What a session takes, and whether a request notices how many there are.
import { counterWithSessions } from '../servers/counter-set-up.mjs'
import { makeSession } from './reads.mjs'

const ORIGIN = 'http://localhost:8080'
const FEW = 1000
const AT_ONCE = 200
const ROUNDS = 60
const REQUESTS = 250

/**
 * The same thousand people send requests while the store holds nobody else, and while it holds many.
 * @param {import('./engines.mjs').Engine} engine
 * @param {number} many
 * @param {(line: string) => void} log
 */
export async function measureGrowth(engine, many, log) {
  const { store } = engine
  await store.prepare?.()
  const { counter, cookies } = await counterWithSessions(ORIGIN, { store, count: FEW })
  const request = async (/** @type {string} */ cookie) => {
    const headers = ['host', 'localhost:8080', 'sec-fetch-site', 'same-origin', 'cookie', cookie]
    const head = { method: 'GET', target: '/auth/session', headers, encrypted: false }
    const outcome = await counter.handle(head)
    if (outcome.kind !== 'respond' || !outcome.answer.body?.includes('signed_in')) {
      throw new Error('not signed in')
    }
  }
  await p99(request, cookies)
  const before = await engine.bytes()
  const few = await p99(request, cookies)
  const fill = engine.fill ?? ((work) => work())
  await fill(() => insert(store, many - FEW, (done) => log(`${engine.name}: ${done} sessions`)))
  const after = await engine.bytes()
  await p99(request, cookies)
  const others = await p99(request, cookies)
  await counter.close()
  return { bytesEach: (after - before) / (many - FEW), ratio: others / few }
}

/**
 * @param {import('coatcheck/memory-store').SessionStore} store
 * @param {number} count
 * @param {(done: number) => void} tell
 */
async function insert(store, count, tell) {
  let begun = 0
  const work = async () => {
    while (begun < count) {
      begun += 1
      if (begun % 100_000 === 0) tell(begun)
      await store.insert(makeSession())
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
}

/**
 * What 99 of 100 requests stay below, as the median over rounds, in milliseconds.
 * @param {(cookie: string) => Promise<void>} request
 * @param {readonly string[]} cookies
 */
async function p99(request, cookies) {
  const rounds = []
  for (let round = 0; round < ROUNDS; round += 1) {
    const times = []
    for (let index = 0; index < REQUESTS; index += 1) {
      const cookie = cookies[Math.floor(Math.random() * cookies.length)] ?? ''
      const began = performance.now()
      await request(cookie)
      times.push(performance.now() - began)
    }
    times.sort((one, other) => one - other)
    rounds.push(times[Math.floor(REQUESTS * 0.99)] ?? 0)
  }
  rounds.sort((one, other) => one - other)
  return rounds[ROUNDS >> 1] ?? 0
}
