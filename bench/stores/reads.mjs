// @ts-check
// A read of a 3 KB session by its id, beside a read of 3 KB by key with the driver alone. Over a network 64 are under
// way at once, which stores read together where the driver sends each by itself; and, told beside it, one after another.
import { randomBytes } from 'node:crypto'
import { median, medianRatio } from '../compare.mjs'

const SESSIONS = 1000
const BODY_BYTES = 2800
const SLICE_MS = 120

/**
 * @param {import('./engines.mjs').Engine} engine
 * @param {number} seconds
 * @returns {Promise<{ ratio: number, perSecond: number, singly?: number }>}
 */
export async function measureReads(engine, seconds) {
  const ids = []
  for (let index = 0; index < SESSIONS; index += 1) {
    const session = makeSession()
    ids.push(session.id)
    await engine.store.insert(session)
    const { body, card, wraps } = session
    await engine.put(session.id, Buffer.concat([body, card, ...wraps]))
  }
  if (engine.atOnce === 1) return compare(engine, seconds, (read) => perSecondAtOnce(read, ids))
  const many = await compare(engine, seconds / 2, (read) => perSecond(read, ids, engine.atOnce))
  const { ratio: singly } = await compare(engine, seconds / 2, (read) => perSecond(read, ids, 1))
  return { ...many, singly }
}

/**
 * @param {import('./engines.mjs').Engine} engine
 * @param {number} seconds
 * @param {(read: (id: string) => unknown) => number | Promise<number>} rate
 */
async function compare(engine, seconds, rate) {
  const ours = (/** @type {string} */ id) => engine.store.get(id)
  const theirs = (/** @type {string} */ id) => engine.read(id)
  const rounds = Math.max(5, Math.round((seconds * 1000) / (2 * SLICE_MS)))
  /** @type {{ ours: number[], theirs: number[] }} */
  const seen = { ours: [], theirs: [] }
  await rate(ours)
  await rate(theirs)
  for (let round = 0; round < rounds; round += 1) {
    seen.ours.push(await rate(ours))
    seen.theirs.push(await rate(theirs))
  }
  return { ratio: medianRatio(seen.ours, seen.theirs), perSecond: median(seen.ours) }
}

/** A session as large as real ones are; bytes mean nothing to a store. */
export function makeSession(lifeMs = 86_400_000) {
  const now = Date.now()
  return {
    format: /** @type {const} */ (1),
    id: randomBytes(16).toString('base64url'),
    version: 1,
    createdAt: now,
    lastSeenAt: now,
    expiresAt: now + lifeMs,
    subjectKey: randomBytes(32).toString('base64url'),
    sidKey: randomBytes(32).toString('base64url'),
    wraps: [new Uint8Array(randomBytes(74))],
    body: new Uint8Array(randomBytes(BODY_BYTES)),
    card: new Uint8Array(randomBytes(260)),
  }
}

/**
 * What answers at once is not waited for.
 * @param {(id: string) => unknown} read
 * @param {readonly string[]} ids
 */
function perSecondAtOnce(read, ids) {
  const began = performance.now()
  let count = 0
  while (performance.now() - began < SLICE_MS) {
    for (let index = 0; index < 100; index += 1) read(ids[(count + index * 7) % ids.length] ?? '')
    count += 100
  }
  return count / ((performance.now() - began) / 1000)
}

/**
 * @param {(id: string) => unknown} read
 * @param {readonly string[]} ids
 * @param {number} atOnce
 */
async function perSecond(read, ids, atOnce) {
  const began = performance.now()
  let count = 0
  const work = async () => {
    while (performance.now() - began < SLICE_MS) {
      await read(ids[(count * 7) % ids.length] ?? '')
      count += 1
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  return count / ((performance.now() - began) / 1000)
}
