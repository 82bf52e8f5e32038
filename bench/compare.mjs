// @ts-check
import { fork } from 'node:child_process'
import { once } from 'node:events'

/**
 * A server under measurement: a module that listens and sends `{ port, request }`.
 * @typedef {{ name: string, file: string, env?: Record<string, string> }} Contender
 */

/**
 * What was seen of a contender: requests per second and CPU time a request of each round.
 * @typedef {{ name: string, perSecond: number[], cpuMicros: number[] }} Measured
 */

/**
 * Runs contenders interleaved, A B C A B C, each server in a process of its own that lives throughout.
 * @param {readonly Contender[]} contenders
 * @param {{ seconds: number, log: (line: string) => void }} options
 * @returns {Promise<Measured[]>}
 */
export async function compareServers(contenders, { seconds, log }) {
  // Slices of about a second: what disturbs the machine for longer then disturbs every contender.
  const rounds = Math.max(2, Math.round(seconds / contenders.length))
  const ms = Math.max(200, (seconds * 1000) / (contenders.length * rounds))
  const loader = fork(new URL('./load.mjs', import.meta.url))
  const servers = []
  try {
    for (const { name, file, env } of contenders) {
      const child = fork(new URL(`./servers/${file}`, import.meta.url), {
        env: { ...process.env, ...env },
      })
      const [ready] = await once(child, 'message')
      servers.push({ child, ready, measured: { name, perSecond: [], cpuMicros: [] } })
    }
    for (const { ready } of servers) await load(loader, ready, 300)
    for (let round = 0; round < rounds; round += 1) {
      for (const { child, ready, measured } of servers) {
        const before = await cpuOf(child)
        const { requests, errors, seconds: took } = await load(loader, ready, ms)
        const after = await cpuOf(child)
        if (errors > 0)
          throw new Error(`${measured.name}: ${errors} of ${requests} requests failed`)
        measured.perSecond.push(requests / took)
        measured.cpuMicros.push((after - before) / requests)
      }
      if ((round + 1) % 5 === 0) log(`round ${round + 1} of ${rounds}`)
    }
    return servers.map(({ measured }) => measured)
  } finally {
    loader.kill()
    for (const { child } of servers) child.kill()
  }
}

/**
 * The median of the ratios round by round: noise of the machine hits both sides of each.
 * @param {readonly number[]} one
 * @param {readonly number[]} other
 */
export function medianRatio(one, other) {
  return median(one.map((value, index) => value / (other[index] ?? Number.NaN)))
}

/** @param {readonly number[]} values */
export function median(values) {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? 0)
    : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
}

/**
 * @param {import('node:child_process').ChildProcess} loader
 * @param {{ port: number, request: string }} target
 * @param {number} ms
 */
async function load(loader, target, ms) {
  loader.send({ ...target, ms })
  const [result] = await once(loader, 'message')
  return result
}

/** @param {import('node:child_process').ChildProcess} child */
async function cpuOf(child) {
  child.send('cpu')
  const [micros] = await once(child, 'message')
  return micros
}
