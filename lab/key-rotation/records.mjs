// @ts-check
// Under which keys of the ring the sessions of a store lie: read from the store itself.
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { redisStore } from 'coatcheck/redis-store'
import { sqliteStore } from 'coatcheck/sqlite-store'
import { Redis } from 'ioredis'

const ID_BYTES = 16
const KEY_ID_BYTES = 6

/**
 * @param {{ folder: string, config: any }} options
 * @returns {{ store: import('coatcheck').SessionStore, close: () => void }}
 */
function open({ folder, config }) {
  if (config.kind === 'redis') {
    const client = new Redis(config.url)
    return { store: redisStore(client), close: () => client.disconnect() }
  }
  const database = new DatabaseSync(join(folder, config.file))
  return { store: sqliteStore(database), close: () => database.close() }
}

/** @param {{ folder: string, config: any, tickets: string[] }} options */
export function openRecords({ tickets, ...place }) {
  const { store, close } = open(place)
  const ids = tickets.map((ticket) =>
    Buffer.from(ticket.slice(ticket.indexOf('=') + 1), 'base64url')
      .subarray(0, ID_BYTES)
      .toString('base64url'),
  )
  return {
    close,
    cookies: async () => tickets,
    /** How many sessions lie under each key. Throws when one is not there. */
    async countByKey() {
      /** @type {Map<string, number>} */
      const counts = new Map()
      for (const id of ids) {
        const stored = await store.get(id)
        const [wrap] = stored?.wraps ?? []
        if (wrap === undefined) throw new Error('a session is not there')
        const key = Buffer.from(wrap.subarray(0, KEY_ID_BYTES)).toString('base64url')
        counts.set(key, (counts.get(key) ?? 0) + 1)
      }
      return counts
    },
  }
}
