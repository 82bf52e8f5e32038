import { encodeBase64url } from '../../core/bytes.ts'
import { CoatcheckError } from '../../core/errors.ts'
import { systemRandom } from '../../core/random.ts'
import { readReason, type StoreNotice, type StoreSubscription } from '../session-store.ts'
import type { PostgresDriver, PostgresListener } from './postgres-statement.ts'

const HEARTBEAT_MS = 10_000
const FIRST_BEAT_WITHIN_MS = 2000
const FIRST_RETRY_MS = 50
const MAX_RETRY_MS = 5000

/** How {@link listenToNotices} finds its way. */
export interface NoticeOptions {
  /** Whose connections listen. */
  readonly driver: PostgresDriver
  readonly channel: string
  /** Sends an empty notice to a channel, over any connection. */
  readonly signal: (channel: string) => Promise<void>
}

/**
 * Listens on a connection of its own, and on another one as soon as that is lost: then something may have been
 * missed, and it says `resumed`. A connection can die without a word, and a pooler in transaction mode lets one
 * listen and hear nothing: so a beat is sent through the server to ourselves, at once and every ten seconds.
 */
export async function listenToNotices(
  { driver, channel, signal }: NoticeOptions,
  listener: (notice: StoreNotice) => void,
): Promise<StoreSubscription> {
  const beats = `${channel}_${encodeBase64url(systemRandom(9))}`
  let current: PostgresListener | undefined
  let isClosed = false
  let isAlive = false
  let onBeat = (): void => {}

  function hear(from: string, payload: string): void {
    if (isClosed) return
    if (from === beats) {
      isAlive = true
      onBeat()
      return
    }
    const notice = readNotice(payload)
    if (notice !== undefined) listener(notice)
  }

  function resume(): void {
    if (!isClosed) listener({ kind: 'resumed' })
  }

  async function open(): Promise<void> {
    const state = { isLost: false, opened: undefined as PostgresListener | undefined }
    const lost = (): void => {
      state.isLost = true
      if (state.opened !== undefined) lose(state.opened)
    }
    const opened = await driver.listen([channel, beats], { hear, lost, resumed: resume })
    state.opened = opened
    if (isClosed || state.isLost) {
      await opened.close()
      if (!isClosed) throw new Error('lost at once')
      return
    }
    current = opened
    isAlive = true
  }

  function lose(lost: PostgresListener): void {
    if (current !== lost || isClosed) return
    current = undefined
    void lost.close()
    void reopen()
  }

  async function reopen(): Promise<void> {
    for (let waitMs = FIRST_RETRY_MS; !isClosed; waitMs = Math.min(waitMs * 2, MAX_RETRY_MS)) {
      await pause(waitMs)
      if (isClosed) return
      try {
        await open()
        resume()
        return
      } catch {
        // Whoever needs the store is told so by its own call: here it is only tried again.
      }
    }
  }

  async function beat(): Promise<void> {
    if (current === undefined) return
    if (!isAlive) {
      if (!current.comesBack) return lose(current)
      // Nothing makes the driver look: but what was missed is told.
      resume()
    }
    isAlive = false
    try {
      await signal(beats)
    } catch {
      // Nothing was sent, so nothing can come back.
      isAlive = true
    }
  }

  async function firstBeat(): Promise<void> {
    const heard = new Promise<boolean>((resolve) => {
      unref(setTimeout(() => resolve(false), FIRST_BEAT_WITHIN_MS))
      onBeat = () => resolve(true)
    })
    await signal(beats)
    if (await heard) return
    throw new CoatcheckError('store_unavailable', {
      detail:
        'Notices do not come back from PostgreSQL: a pooler in transaction mode cannot LISTEN. Give postgresStore a noticesClient that reaches the server itself.',
    })
  }

  async function close(): Promise<void> {
    isClosed = true
    clearInterval(heart)
    await current?.close()
  }

  await open()
  const heart = setInterval(() => void beat(), HEARTBEAT_MS)
  unref(heart)
  try {
    await firstBeat()
  } catch (error) {
    await close()
    throw error
  }
  return { close }
}

function readNotice(text: string): StoreNotice | undefined {
  const ended = /^ended ([a-z_]+) (.*)$/s.exec(text)
  const reason = readReason(ended?.[1])
  if (reason !== undefined) return { kind: 'ended', id: ended?.[2] ?? '', reason }
  const released = /^released (.*)$/s.exec(text)
  return released === null ? undefined : { kind: 'released', id: released[1] ?? '' }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => unref(setTimeout(resolve, ms)))
}

// A process must be able to end while its store is away.
function unref(timer: { unref?(): unknown } | number): void {
  if (typeof timer === 'object') timer.unref?.()
}
