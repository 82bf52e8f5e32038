// @ts-check
// A read of a 3 KB session by its id, beside a read of 3 KB by key with the driver alone.
import { randomBytes } from 'node:crypto'
import { median, medianRatio } from '../compare.mjs'

const SESSIONS = 1000
const BODY_BYTES = 2800
const SLICE_MS = 120

/**
 * @param {import('./engines.mjs').Engine} engine
 * @param {number} seconds
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
  const ours = (/** @type {string} */ id) => engine.store.get(id)
  const theirs = (/** @type {string} */ id) => engine.read(id)
  const rounds = Math.max(5, Math.round((seconds * 1000) / (2 * SLICE_MS)))
  /** @type {{ ours: number[], theirs: number[] }} */
  const seen = { ours: [], theirs: [] }
  await perSecond(ours, ids, engine.atOnce)
  await perSecond(theirs, ids, engine.atOnce)
  for (let round = 0; round < rounds; round += 1) {
    seen.ours.push(await perSecond(ours, ids, engine.atOnce))
    seen.theirs.push(await perSecond(theirs, ids, engine.atOnce))
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
 * @param {(id: string) => unknown} read
 * @param {readonly string[]} ids
 * @param {number} atOnce
 */
async function perSecond(read, ids, atOnce) {
  const began = performance.now()
  let count = 0
  if (atOnce === 1) {
    // What answers at once is not waited for.
    while (performance.now() - began < SLICE_MS) {
      for (let index = 0; index < 100; index += 1) read(ids[(count + index * 7) % ids.length] ?? '')
      count += 100
    }
  } else {
    const work = async () => {
      while (performance.now() - began < SLICE_MS) {
        await read(ids[(count * 7) % ids.length] ?? '')
        count += 1
      }
    }
    await Promise.all(Array.from({ length: atOnce }, work))
  }
  return count / ((performance.now() - began) / 1000)
}
