// @ts-check
import { compareServers, median, medianRatio } from './compare.mjs'
import { startUpstream } from './servers/upstream.mjs'

export const name = 'proxy'
export const about =
  'session cookie in, Bearer token out, beside a bare undici proxy and http-proxy'
export const aim = '>= 0.93 of a bare dispatch proxy and >= 2 x http-proxy'

const AIM_BARE = 0.93
const AIM_PEER = 2

/** @param {{ seconds: number, log: (line: string) => void }} options */
export async function run(options) {
  const env = { UPSTREAM: await startUpstream() }
  const measured = await compareServers(
    [
      { name: 'bare dispatch proxy, no sessions', file: 'bare-dispatch.mjs', env },
      { name: 'coatcheck, session to Bearer', file: 'counter-proxy.mjs', env },
      { name: 'http-proxy, no sessions', file: 'http-proxy.mjs', env },
    ],
    options,
  )
  const [bare, ours, peer] = measured
  const rows = measured.map(({ name: contender, perSecond, cpuMicros }) => ({
    contender,
    'of the bare proxy': medianRatio(perSecond, bare?.perSecond ?? []).toFixed(2),
    'CPU of the bare proxy': medianRatio(cpuMicros, bare?.cpuMicros ?? []).toFixed(2),
    'CPU over it, us': (median(cpuMicros) - median(bare?.cpuMicros ?? [])).toFixed(1),
  }))
  const value = medianRatio(ours?.perSecond ?? [], bare?.perSecond ?? [])
  const times = medianRatio(ours?.perSecond ?? [], peer?.perSecond ?? [])
  return {
    rows,
    figures: [
      {
        name: 'proxy',
        value,
        aim: `>= ${AIM_BARE} of a bare dispatch proxy`,
        ok: value >= AIM_BARE,
      },
      {
        name: 'proxy, times http-proxy',
        value: times,
        aim: `>= ${AIM_PEER}`,
        ok: times >= AIM_PEER,
      },
    ],
  }
}
