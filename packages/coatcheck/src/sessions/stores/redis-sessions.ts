import { CoatcheckError } from '../../core/errors.ts'
import {
  ENDING_KEPT_MS,
  type EndReason,
  readReason,
  type SessionStore,
  type StoredSession,
} from '../session-store.ts'
import type { RedisEngine } from './redis-engine.ts'
import { inParts, redisIndex } from './redis-index.ts'
import { writeWord } from './redis-keys.ts'
import { writeNotice } from './redis-notices.ts'
import { asText, type RedisHead, readHead, readRecord, writeRecord } from './redis-record.ts'
import { replyCodeOf } from './redis-run-script.ts'
import { END, INSERT, REPLACE, TOUCH } from './redis-scripts.ts'

type Sessions = Pick<
  SessionStore,
  | 'get'
  | 'insert'
  | 'replace'
  | 'touch'
  | 'delete'
  | 'endingOf'
  | 'listBySubject'
  | 'deleteBySubject'
  | 'deleteByProviderSession'
>

/** Index entries without a session are dropped, at the earliest, a minute after they were written. */
const SLOW_WRITE_MS = 20_000

/** Sessions, their endings, and the indexes that find them. */
export function redisSessions(engine: RedisEngine): Sessions {
  const { keys, read, run, script, time, isOver } = engine
  const index = redisIndex(engine)

  function get(id: string): Promise<StoredSession | undefined> {
    return read(keys.session(id)).then((value) => {
      const session = readRecord(id, value)
      return session === undefined || isOver(session.expiresAt) ? undefined : session
    }, noneOfOurs)
  }

  function indexesOf(session: Pick<RedisHead, 'subjectKey' | 'sidKey'>): readonly string[] {
    const { subjectKey, sidKey } = session
    return [keys.subject(subjectKey), ...(sidKey === undefined ? [] : [keys.sid(sidKey)])]
  }

  async function addToIndexes(session: RedisHead, id: string): Promise<void> {
    await Promise.all(indexesOf(session).map((key) => index.add(key, id, session.expiresAt)))
  }

  // The index first: a crash in between leaves an entry without a session, never a session that
  // signing out everywhere does not find.
  async function indexed<T>(session: StoredSession, write: () => Promise<T>): Promise<T> {
    const began = performance.now()
    await addToIndexes(session, session.id)
    const written = await write()
    if (performance.now() - began > SLOW_WRITE_MS) await addToIndexes(session, session.id)
    return written
  }

  // Gives back the value that was there, `undefined` for none.
  async function end(
    id: string,
    reason: EndReason,
    foundBy: readonly string[] = [],
  ): Promise<Uint8Array | undefined> {
    const notice = writeNotice({ kind: 'ended', id, reason })
    const args = [reason, String(ENDING_KEPT_MS), keys.channel, notice, ...foundBy]
    const found = await script(END, [keys.session(id), keys.ending(id)], ...time(), ...args)
    return found instanceof Uint8Array ? found : undefined
  }

  async function remove(id: string, reason: EndReason): Promise<StoredSession | undefined> {
    const value = await end(id, reason)
    const session = readRecord(id, value)
    if (session === undefined) return undefined
    await Promise.all(indexesOf(session).map((key) => index.remove(key, [id])))
    return session
  }

  async function list(subjectKey: string): Promise<readonly StoredSession[]> {
    const indexKey = keys.subject(subjectKey)
    const ids = await index.ids(indexKey)
    const found = (await inParts(ids, (part) => Promise.all(part.map(get)))).flat()
    await index.drop(
      indexKey,
      ids.filter((_, place) => found[place] === undefined),
    )
    return found.flatMap((session) => (session?.subjectKey === subjectKey ? [session] : []))
  }

  async function endAll(
    indexKey: string,
    reason: EndReason,
    foundBy: readonly string[],
  ): Promise<readonly StoredSession[]> {
    const ids = await index.ids(indexKey)
    // A master that is away saves none of the sessions on the others.
    const parts = await inParts(ids, (part) =>
      Promise.allSettled(part.map((id) => end(id, reason, foundBy))),
    )
    const ends = parts.flat()
    const failed = ends.find((one) => one.status === 'rejected')
    const values = ends.map((one) => (one.status === 'fulfilled' ? one.value : undefined))
    await index.remove(
      indexKey,
      ids.filter((_, place) => values[place] !== undefined),
    )
    if (failed !== undefined) throw failed.reason
    await index.drop(
      indexKey,
      ids.filter((_, place) => values[place] === undefined),
    )
    return ids.flatMap((id, place) => readRecord(id, values[place]) ?? [])
  }

  return {
    get,
    insert: async (session) => {
      const { head, tail } = writeRecord(session)
      const args = [head, tail, String(session.expiresAt)]
      const isNew = await indexed(session, () =>
        script(INSERT, [keys.session(session.id)], ...time(), ...args),
      )
      if (Number(isNew) === 1) return
      throw new CoatcheckError('wrong_use', { detail: 'A session of this id is there.' })
    },
    replace: async (session, expectedVersion) => {
      const { tail } = writeRecord(session)
      const { version, lastSeenAt, expiresAt } = session
      const numbers = [expectedVersion, version, lastSeenAt, expiresAt].map(String)
      const replaced = await indexed(session, () =>
        script(REPLACE, [keys.session(session.id)], ...time(), ...numbers, tail),
      )
      return Number(replaced) === 1
    },
    touch: async (id, lastSeenAt, expiresAt) => {
      const args = [String(lastSeenAt), String(expiresAt)]
      const words = await script(TOUCH, [keys.session(id)], ...time(), ...args)
      const head = words instanceof Uint8Array ? readHead(words) : undefined
      if (head === undefined) return false
      await addToIndexes(head, id)
      return true
    },
    delete: remove,
    endingOf: async (id) => {
      const key = keys.ending(id)
      const ending = await run(key, ['GET', key])
      if (!(ending instanceof Uint8Array)) return undefined
      const [reason = '', until] = asText(ending).split(' ')
      return isOver(Number(until)) ? undefined : readReason(reason)
    },
    listBySubject: list,
    deleteBySubject: (key, reason) => endAll(keys.subject(key), reason, [writeWord(key), '5']),
    deleteByProviderSession: (key, reason) => endAll(keys.sid(key), reason, [writeWord(key), '6']),
  }
}

// A value of another type under a session's name is no session, and no failure of the server.
function noneOfOurs(error: unknown): undefined {
  if (replyCodeOf(error) === 'WRONGTYPE') return undefined
  throw error
}
