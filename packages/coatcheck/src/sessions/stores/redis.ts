import type { Clock } from '../../core/clock.ts'
import { CoatcheckError } from '../../core/errors.ts'
import { allowEviction } from '../../core/unsafe.ts'
import {
  ENDING_KEPT_MS,
  type EndReason,
  type SessionStore,
  type StoredSession,
} from '../session-store.ts'
import { checkEngine } from './redis-check.ts'
import type { RedisClient, RunCommand } from './redis-client.ts'
import { driverOf } from './redis-driver.ts'
import { inParts, redisIndex, timeOf } from './redis-index.ts'
import { redisKeys, writeWord } from './redis-keys.ts'
import { listenToNotices, readReason, writeNotice } from './redis-notices.ts'
import { asText, plainBytes, readHead, readRecord, writeRecord } from './redis-record.ts'
import { replyCodeOf, scriptRunner } from './redis-run-script.ts'
import * as scripts from './redis-scripts.ts'

/** Options of {@link redisStore}. */
export interface RedisStoreOptions {
  /** What every key and the channel begin with; no braces. Two services on one server need two. Default: `coatcheck:`. */
  readonly prefix?: string
  /** Milliseconds since 1970; for tests. Default: the time of the server, so that processes need not agree. */
  readonly clock?: Clock
  /** Accepts a server that drops sessions when its memory is full. Default: refused by `prepare`. */
  readonly [allowEviction]?: boolean
}

/** How long a lease's number is remembered after the lease, so that the next is higher even if the clock goes back. */
const NUMBER_KEPT_MS = 3_600_000
/** Index entries without a session are dropped a minute after they were written. */
const SLOW_WRITE_MS = 20_000
const UNTIL_BYTES = 16

/**
 * Sessions in Redis or Valkey: one server, a Cluster, or behind Sentinel. The server removes what is over by
 * itself, so `sweep` finds nothing. Holds neither tickets nor readable tokens.
 *
 * Throws `wrong_use` for a client it does not know; its operations reject with `invalid_configuration` for a
 * server whose settings would lose sessions.
 *
 * @example
 * const store = redisStore(new Redis('redis://127.0.0.1:6379'))
 */
export function redisStore(client: RedisClient, options: RedisStoreOptions = {}): SessionStore {
  const { clock, prefix = 'coatcheck:' } = options
  const keys = redisKeys(prefix)
  const driver = driverOf(client)
  let isReady = false
  let preparing: Promise<void> | undefined

  function prepare(): Promise<void> {
    preparing ??= checkEngine(driver, options[allowEviction] === true)
      .then(() => {
        isReady = true
      })
      .finally(() => {
        preparing = undefined
      })
    return preparing
  }

  const run: RunCommand = async (key, command) => {
    if (!isReady) await prepare()
    return driver.run(key, command)
  }
  const script = scriptRunner(run)
  const time = (): readonly [string, string] => timeOf(clock)
  const index = redisIndex(run, script, time)
  const isOver = (until: number): boolean => clock !== undefined && until <= clock()

  function read(id: string): Promise<StoredSession | undefined> {
    return driver.read(keys.session(id)).then((value) => {
      const session = readRecord(id, value)
      return session === undefined || isOver(session.expiresAt) ? undefined : session
    }, noneOfOurs)
  }

  const get = (id: string): Promise<StoredSession | undefined> =>
    isReady ? read(id) : prepare().then(() => read(id))

  function indexesOf(session: Pick<StoredSession, 'subjectKey' | 'sidKey'>): readonly string[] {
    const { subjectKey, sidKey } = session
    return [keys.subject(subjectKey), ...(sidKey === undefined ? [] : [keys.sid(sidKey)])]
  }

  async function addToIndexes(session: IndexedSession, id: string): Promise<void> {
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

  async function end(
    id: string,
    reason: EndReason,
    foundBy: readonly string[] = [],
  ): Promise<{ readonly session: StoredSession | undefined } | undefined> {
    const notice = writeNotice({ kind: 'ended', id, reason })
    const found = await script(
      scripts.END,
      [keys.session(id), keys.ending(id)],
      ...time(),
      reason,
      String(ENDING_KEPT_MS),
      keys.channel,
      notice,
      ...foundBy,
    )
    return found instanceof Uint8Array ? { session: readRecord(id, found) } : undefined
  }

  async function remove(id: string, reason: EndReason): Promise<StoredSession | undefined> {
    const session = (await end(id, reason))?.session
    if (session !== undefined) {
      await Promise.all(indexesOf(session).map((key) => index.remove(key, [id])))
    }
    return session
  }

  async function list(subjectKey: string): Promise<readonly StoredSession[]> {
    const indexKey = keys.subject(subjectKey)
    const ids = await index.ids(indexKey)
    const found = (await inParts(ids, (part) => Promise.all(part.map(get)))).flat()
    const dead = ids.filter((_, place) => found[place] === undefined)
    await index.drop(indexKey, dead)
    return found.filter((session) => session?.subjectKey === subjectKey) as StoredSession[]
  }

  async function endAll(
    indexKey: string,
    reason: EndReason,
    foundBy: readonly string[],
  ): Promise<readonly StoredSession[]> {
    const ids = await index.ids(indexKey)
    const ends = await inParts(ids, (part) =>
      Promise.all(part.map((id) => end(id, reason, foundBy))),
    )
    const ended = ends.flat()
    await index.remove(
      indexKey,
      ids.filter((_, place) => ended[place] !== undefined),
    )
    await index.drop(
      indexKey,
      ids.filter((_, place) => ended[place] === undefined),
    )
    return ended.flatMap((one) => one?.session ?? [])
  }

  return {
    prepare,
    get,
    insert: async (session) => {
      const { head, tail } = writeRecord(session)
      const key = keys.session(session.id)
      const isNew = await indexed(session, () =>
        script(scripts.INSERT, [key], ...time(), head, tail, String(session.expiresAt)),
      )
      if (Number(isNew) === 1) return
      throw new CoatcheckError('wrong_use', { detail: 'A session of this id is there.' })
    },
    replace: async (session, expectedVersion) => {
      const { tail } = writeRecord(session)
      const { version, lastSeenAt, expiresAt } = session
      const numbers = [expectedVersion, version, lastSeenAt, expiresAt].map(String)
      const replaced = await indexed(session, () =>
        script(scripts.REPLACE, [keys.session(session.id)], ...time(), ...numbers, tail),
      )
      return Number(replaced) === 1
    },
    touch: async (id, lastSeenAt, expiresAt) => {
      const args = [String(lastSeenAt), String(expiresAt)]
      const words = await script(scripts.TOUCH, [keys.session(id)], ...time(), ...args)
      const session = words instanceof Uint8Array ? readHead(words) : undefined
      if (session === undefined) return false
      await addToIndexes(session, id)
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
    sweep: () => [],
    acquireLease: async (id, leaseMs) => {
      const args = [String(leaseMs), String(NUMBER_KEPT_MS)]
      const number = await script(scripts.ACQUIRE, [keys.lease(id)], ...time(), ...args)
      return number instanceof Uint8Array ? Number(asText(number)) : undefined
    },
    releaseLease: async (id, fencingNumber) => {
      const args = [String(fencingNumber), keys.channel, writeNotice({ kind: 'released', id })]
      await script(scripts.RELEASE, [keys.lease(id)], ...time(), ...args)
    },
    claim: async (key, expiresAt, max = 1) => {
      const args = [String(expiresAt), String(max)]
      return Number(await script(scripts.CLAIM, [keys.claim(key)], ...time(), ...args)) === 1
    },
    putBlob: async (key, bytes, expiresAt) => {
      await script(scripts.PUT_BLOB, [keys.blob(key)], ...time(), String(expiresAt), bytes)
    },
    takeBlob: async (key) => {
      const name = keys.blob(key)
      const blob = await run(name, ['GETDEL', name])
      if (!(blob instanceof Uint8Array) || blob.length < UNTIL_BYTES) return undefined
      const until = Number(asText(blob, 0, UNTIL_BYTES))
      return isOver(until) ? undefined : plainBytes(blob, UNTIL_BYTES)
    },
    subscribe: async (listener) => {
      if (!isReady) await prepare()
      return listenToNotices(driver, keys.channel, listener)
    },
  }
}

type IndexedSession = Pick<StoredSession, 'subjectKey' | 'sidKey' | 'expiresAt'>

// A value of another type under a session's name is no session, and no failure of the server.
function noneOfOurs(error: unknown): undefined {
  if (replyCodeOf(error) === 'WRONGTYPE') return undefined
  throw error
}
