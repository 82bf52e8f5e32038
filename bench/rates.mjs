// @ts-check
import { median, medianRatio } from './compare.mjs'

/**
 * Something that seals and opens.
 * @typedef {{ title: string, seal: () => unknown, open: () => unknown }} Sealer
 */

/**
 * Seals and opens per second of each round.
 * @typedef {{ seal: number[], open: number[] }} Rates
 */

const SLICE_MS = 25
const WARM_UP_MS = 150
// So few at a time that the slowest peer's slice does not become longer than the others'.
const BATCH = 4

/**
 * Seals and opens in turns, A B C A B C, each for a moment: what disturbs the machine then disturbs all alike.
 * @param {readonly Sealer[]} sealers
 * @param {{ seconds: number, log: (line: string) => void }} options
 * @returns {Promise<ReadonlyMap<string, Rates>>} by title
 */
export async function measureRates(sealers, { seconds, log }) {
  const rounds = Math.max(3, Math.round((seconds * 1000) / (sealers.length * 2 * SLICE_MS)))
  /** @type {Map<string, Rates>} */
  const rates = new Map(sealers.map(({ title }) => [title, { seal: [], open: [] }]))
  for (const { seal, open } of sealers) {
    await perSecond(seal, WARM_UP_MS)
    await perSecond(open, WARM_UP_MS)
  }
  for (let round = 0; round < rounds; round += 1) {
    for (const { title, seal, open } of sealers) {
      rates.get(title)?.seal.push(await perSecond(seal, SLICE_MS))
      rates.get(title)?.open.push(await perSecond(open, SLICE_MS))
    }
    if (round % 20 === 19) log(`round ${round + 1} of ${rounds}`)
  }
  return rates
}

/**
 * The medians of a sealer, for a table.
 * @param {ReadonlyMap<string, Rates>} rates
 * @param {string} title
 */
export function typicalRates(rates, title) {
  const { seal, open } = ratesOf(rates, title)
  return {
    'seals per second': Math.round(median(seal)),
    'opens per second': Math.round(median(open)),
  }
}

/**
 * How many times faster one is than the other: the median of the ratios round by round.
 * @param {ReadonlyMap<string, Rates>} rates
 * @param {'seal' | 'open'} way
 * @param {string} title
 * @param {string} against
 */
export function ratio(rates, way, title, against) {
  return medianRatio(ratesOf(rates, title)[way], ratesOf(rates, against)[way])
}

/** @param {ReadonlyMap<string, Rates>} rates @param {string} title @returns {Rates} */
function ratesOf(rates, title) {
  return rates.get(title) ?? { seal: [], open: [] }
}

/** @param {() => unknown} work @param {number} ms */
async function perSecond(work, ms) {
  // What the one before left behind (compressors above all) is not to be cleaned up in this one's time.
  globalThis.gc?.({ type: 'minor' })
  const startedAt = performance.now()
  let count = 0
  while (performance.now() - startedAt < ms) {
    for (let index = 0; index < BATCH; index += 1) {
      const result = work()
      if (result instanceof Promise) await result
    }
    count += BATCH
  }
  return (count * 1000) / (performance.now() - startedAt)
}
