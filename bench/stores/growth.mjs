// @ts-check
// What a session takes, and whether a request notices how many there are.
import { counterWithSessions } from '../servers/counter-set-up.mjs'
import { makeSession } from './reads.mjs'

const ORIGIN = 'http://localhost:8080'
const FEW = 1000
const AT_ONCE = 200
const ROUNDS = 60
const REQUESTS = 250

/** @typedef {{ engine: import('./engines.mjs').Engine, request: (cookie: string) => Promise<void>, cookies: readonly string[], close: () => Promise<void> }} Site */

/**
 * A thousand people send requests to a store that holds nobody else, and a thousand to one that holds many: in turns, so
 * that whatever the machine does meets both.
 * @param {() => Promise<import('./engines.mjs').Engine>} open
 * @param {number} many
 * @param {(line: string) => void} log
 */
export async function measureGrowth(open, many, log) {
  const few = await openSite(open)
  const crowd = await openSite(open)
  try {
    const { engine } = crowd
    await p99s([few, crowd], ROUNDS >> 2)
    const before = await engine.bytes()
    const fill = engine.fill ?? ((work) => work())
    await fill(() =>
      insert(engine.store, many - FEW, (done) => log(`${engine.name}: ${done} sessions`)),
    )
    await engine.settle?.()
    const after = await engine.bytes()
    await p99s([few, crowd], ROUNDS >> 2)
    const [alone = 0, among = 0] = await p99s([few, crowd], ROUNDS)
    return { bytesEach: (after - before) / (many - FEW), ratio: among / alone }
  } finally {
    await few.close()
    await crowd.close()
  }
}

/**
 * @param {() => Promise<import('./engines.mjs').Engine>} open
 * @returns {Promise<Site>}
 */
async function openSite(open) {
  const engine = await open()
  await engine.store.prepare?.()
  const { counter, cookies } = await counterWithSessions(ORIGIN, {
    store: engine.store,
    count: FEW,
  })
  return {
    engine,
    cookies,
    request: async (cookie) => {
      const headers = ['host', 'localhost:8080', 'sec-fetch-site', 'same-origin', 'cookie', cookie]
      const head = { method: 'GET', target: '/auth/session', headers, encrypted: false }
      const outcome = await counter.handle(head)
      if (outcome.kind !== 'respond' || !outcome.answer.body?.includes('signed_in')) {
        throw new Error('not signed in')
      }
    },
    close: async () => {
      await counter.close()
      await engine.close()
    },
  }
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
 * What 99 of 100 requests stay below at each site, as the median over rounds, in milliseconds.
 * @param {readonly Site[]} sites
 * @param {number} rounds
 */
async function p99s(sites, rounds) {
  /** @type {number[][]} */
  const seen = sites.map(() => [])
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, site] of sites.entries()) seen[index]?.push(await p99(site))
  }
  return seen.map((values) => values.toSorted((one, other) => one - other)[rounds >> 1] ?? 0)
}

/** @param {Site} site */
async function p99({ request, cookies }) {
  const times = []
  for (let index = 0; index < REQUESTS; index += 1) {
    const cookie = cookies[Math.floor(Math.random() * cookies.length)] ?? ''
    const began = performance.now()
    await request(cookie)
    times.push(performance.now() - began)
  }
  times.sort((one, other) => one - other)
  return times[Math.floor(REQUESTS * 0.99)] ?? 0
}
