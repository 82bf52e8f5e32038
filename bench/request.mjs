// @ts-check
import { compareServers, median, medianRatio } from './compare.mjs'

export const name = 'request'
export const about =
  'an authenticated request, beside bare node:http, express-session and iron-session'
export const aim = '>= 0.60 of bare node:http'

const AIM = 0.6

/** @param {{ seconds: number, log: (line: string) => void }} options */
export async function run(options) {
  const measured = await compareServers(
    [
      { name: 'bare node:http', file: 'bare.mjs' },
      { name: 'coatcheck, ticket and memory store, node skin', file: 'counter.mjs' },
      { name: 'coatcheck, web skin (session address)', file: 'counter-fetch.mjs' },
      { name: 'express-session, memory', file: 'express-session.mjs' },
      { name: 'iron-session', file: 'iron-session.mjs' },
    ],
    options,
  )
  const [bare, ours] = measured
  const rows = measured.map(({ name: contender, perSecond, cpuMicros }) => ({
    contender,
    'of bare node:http': medianRatio(perSecond, bare?.perSecond ?? []).toFixed(2),
    'CPU over bare, us': (median(cpuMicros) - median(bare?.cpuMicros ?? [])).toFixed(1),
  }))
  const value = medianRatio(ours?.perSecond ?? [], bare?.perSecond ?? [])
  return { rows, figures: [{ name, value, aim, ok: value >= AIM }] }
}
