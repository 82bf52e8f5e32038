import type { SessionStore } from '../session-store.ts'
import type { RedisEngine } from './redis-engine.ts'
import { writeNotice } from './redis-notices.ts'
import { asText, plainBytes } from './redis-record.ts'
import { ACQUIRE, CLAIM, PUT_BLOB, RELEASE } from './redis-scripts.ts'

type Coordination = Pick<
  SessionStore,
  'acquireLease' | 'releaseLease' | 'claim' | 'putBlob' | 'takeBlob'
>

/** How long a lease's number is remembered after the lease, so that the next is higher even if the clock goes back. */
const NUMBER_KEPT_MS = 3_600_000
const UNTIL_BYTES = 16

/** What processes share besides sessions: leases, claims, blobs. */
export function redisCoordination(engine: RedisEngine): Coordination {
  const { keys, run, script, time, isOver } = engine
  return {
    acquireLease: async (id, leaseMs) => {
      const args = [String(leaseMs), String(NUMBER_KEPT_MS)]
      const number = await script(ACQUIRE, [keys.lease(id)], ...time(), ...args)
      return number instanceof Uint8Array ? Number(asText(number)) : undefined
    },
    releaseLease: async (id, fencingNumber) => {
      const args = [String(fencingNumber), keys.channel, writeNotice({ kind: 'released', id })]
      await script(RELEASE, [keys.lease(id)], ...time(), ...args)
    },
    claim: async (key, expiresAt, max = 1) => {
      const args = [String(expiresAt), String(max)]
      return Number(await script(CLAIM, [keys.claim(key)], ...time(), ...args)) === 1
    },
    putBlob: async (key, bytes, expiresAt) => {
      await script(PUT_BLOB, [keys.blob(key)], ...time(), String(expiresAt), bytes)
    },
    takeBlob: async (key) => {
      const name = keys.blob(key)
      const blob = await run(name, ['GETDEL', name])
      if (!(blob instanceof Uint8Array) || blob.length < UNTIL_BYTES) return undefined
      const until = Number(asText(blob, 0, UNTIL_BYTES))
      return isOver(until) ? undefined : plainBytes(blob, UNTIL_BYTES)
    },
  }
}
