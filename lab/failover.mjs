// @ts-check
// The storm while the store itself goes away for a moment: each store in turn.
import * as storm from './storm.mjs'

export const name = 'failover'
export const about =
  'the storm while the Redis master is killed (Sentinel, Cluster) and while PostgreSQL restarts'
export const aim = storm.aim
export const needs = ['servers']

const TURNS = [
  { store: 'sentinel', fault: 'failover' },
  { store: 'postgres', fault: 'restart' },
]
const LONG_TURNS = [...TURNS, { store: 'cluster', fault: 'failover' }]

/** @param {{ seconds: number, log: (line: string) => void }} options */
export async function run({ seconds, log }) {
  const turns = seconds < 20 ? TURNS : LONG_TURNS
  const rows = []
  const figures = []
  for (const turn of turns) {
    const result = await storm.run({ seconds, log, ...turn })
    rows.push(...result.rows)
    figures.push(...result.figures)
  }
  return { rows, figures }
}
