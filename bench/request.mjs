// @ts-check
import { compareServers, median, medianRatio } from './compare.mjs'

export const name = 'request'
export const about =
  'an authenticated request, with a ticket and with the session in its cookie, beside bare node:http, express-session and iron-session'
export const aim = '>= 0.60 of bare node:http, in a cookie >= 0.45'

const AIM = 0.6
const COOKIE_AIM = 0.45

/** @param {{ seconds: number, log: (line: string) => void }} options */
export async function run(options) {
  const measured = await compareServers(
    [
      { name: 'bare node:http', file: 'bare.mjs' },
      { name: 'coatcheck, ticket and memory store, node skin', file: 'counter.mjs' },
      { name: 'coatcheck, sealed cookie that was seen before', file: 'counter-sealed.mjs' },
      {
        name: 'coatcheck, sealed cookie, opened each time',
        file: 'counter-sealed.mjs',
        env: { COATCHECK_COLD: '1' },
      },
      { name: 'coatcheck, web skin (session address)', file: 'counter-fetch.mjs' },
      { name: 'express-session, memory', file: 'express-session.mjs' },
      { name: 'iron-session', file: 'iron-session.mjs' },
    ],
    options,
  )
  const [bare, ticket, cookie] = measured
  const rows = measured.map(({ name: contender, perSecond, cpuMicros }) => ({
    contender,
    'of bare node:http': medianRatio(perSecond, bare?.perSecond ?? []).toFixed(2),
    'CPU over bare, us': (median(cpuMicros) - median(bare?.cpuMicros ?? [])).toFixed(1),
  }))
  const figure = (
    /** @type {string} */ title,
    /** @type {typeof bare} */ one,
    /** @type {number} */ least,
  ) => {
    const value = medianRatio(one?.perSecond ?? [], bare?.perSecond ?? [])
    return {
      name: title,
      value,
      aim: `>= ${least.toFixed(2)} of bare node:http`,
      ok: value >= least,
    }
  }
  return {
    rows,
    figures: [figure(name, ticket, AIM), figure('request, sealed cookie', cookie, COOKIE_AIM)],
  }
}
