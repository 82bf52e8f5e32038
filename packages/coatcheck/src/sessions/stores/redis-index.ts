import type { RedisEngine } from './redis-engine.ts'
import { asText } from './redis-record.ts'
import { INDEX_ADD, INDEX_DROP } from './redis-scripts.ts'

/** The sessions of a person, or of a session at the provider: ids alone, in a slot of their own. */
export interface RedisIndex {
  add(key: string, id: string, expiresAt: number): Promise<unknown>
  /** Never rejects: an entry that stays is dropped by a later reader, and what was ended must be given back. */
  remove(key: string, ids: readonly string[]): Promise<unknown>
  /** Ids of what is not there: none goes that an insert may still be about to fill. */
  drop(key: string, ids: readonly string[]): Promise<unknown>
  ids(key: string): Promise<readonly string[]>
}

/** How many commands are under way at once for one look through an index. */
const AT_ONCE = 200

/** Index keys, by their full names. */
export function redisIndex(engine: RedisEngine): RedisIndex {
  const { run, script, time } = engine
  return {
    add: (key, id, expiresAt) => script(INDEX_ADD, [key], ...time(), id, String(expiresAt)),
    remove: (key, ids) => inParts(ids, (part) => run(key, ['ZREM', key, ...part])).catch(() => {}),
    drop: (key, ids) => inParts(ids, (part) => script(INDEX_DROP, [key], ...time(), ...part)),
    ids: async (key) => {
      const found = await run(key, ['ZRANGE', key, '0', '-1'])
      return Array.isArray(found) ? found.map((id) => asText(id)) : []
    },
  }
}

/** One part after another. */
export async function inParts<T, R>(
  items: readonly T[],
  work: (part: readonly T[]) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = []
  for (let from = 0; from < items.length; from += AT_ONCE) {
    results.push(await work(items.slice(from, from + AT_ONCE)))
  }
  return results
}
