import { encodeBase64url } from '../../core/bytes.ts'
import { systemRandom } from '../../core/random.ts'
import { readReason, type StoreNotice, type StoreSubscription } from '../session-store.ts'
import type { RedisDriver, RedisListener } from './redis-client.ts'

const HEARTBEAT_MS = 10_000
const FIRST_RETRY_MS = 50
const MAX_RETRY_MS = 5000

/** The text of a notice: a word that says what, and ids, which open nothing. */
export function writeNotice(notice: Exclude<StoreNotice, { readonly kind: 'resumed' }>): string {
  return JSON.stringify(
    notice.kind === 'ended' ? ['ended', notice.id, notice.reason] : ['released', notice.id],
  )
}

/**
 * Listens on a connection of its own, and on another one as soon as that is lost: then something may have been
 * missed, and it says `resumed`. A connection can die without a word, so a beat is sent through the server to
 * ourselves: one that does not come back by the next is a loss.
 */
export async function listenToNotices(
  driver: RedisDriver,
  channel: string,
  listener: (notice: StoreNotice) => void,
  heartbeatMs: number = HEARTBEAT_MS,
): Promise<StoreSubscription> {
  const beats = `${channel}:${encodeBase64url(systemRandom(9))}`
  let current: RedisListener | undefined
  let isClosed = false
  let isAlive = true

  function hear(from: string, message: string): void {
    if (isClosed) return
    if (from === beats) {
      isAlive = true
      return
    }
    const notice = readNotice(message)
    if (notice !== undefined) listener(notice)
  }

  async function open(): Promise<void> {
    const state = { isLost: false, opened: undefined as RedisListener | undefined }
    const opened = await driver.listen([channel, beats], hear, () => {
      state.isLost = true
      if (state.opened !== undefined) lose(state.opened)
    })
    state.opened = opened
    if (isClosed || state.isLost) {
      opened.close()
      if (!isClosed) throw new Error('lost at once')
      return
    }
    current = opened
    isAlive = true
  }

  function lose(lost: RedisListener): void {
    if (current !== lost || isClosed) return
    current = undefined
    lost.close()
    void reopen()
  }

  async function reopen(): Promise<void> {
    for (let waitMs = FIRST_RETRY_MS; !isClosed; waitMs = Math.min(waitMs * 2, MAX_RETRY_MS)) {
      await pause(waitMs)
      if (isClosed) return
      try {
        await open()
        if (!isClosed) listener({ kind: 'resumed' })
        return
      } catch {
        // Whoever needs the store is told so by its own call: here it is only tried again.
      }
    }
  }

  async function beat(): Promise<void> {
    if (current === undefined) return
    if (!isAlive) return lose(current)
    isAlive = false
    try {
      await driver.run(undefined, ['PUBLISH', beats, ''])
    } catch {
      // Nothing was sent, so nothing can come back.
      isAlive = true
    }
  }

  await open()
  const heart = setInterval(() => void beat(), heartbeatMs)
  unref(heart)
  return {
    close: () => {
      isClosed = true
      clearInterval(heart)
      current?.close()
    },
  }
}

function readNotice(text: string): StoreNotice | undefined {
  const [kind, id, reason] = parsed(text)
  if (typeof id !== 'string') return undefined
  if (kind === 'released') return { kind, id }
  const known = typeof reason === 'string' ? readReason(reason) : undefined
  return kind === 'ended' && known !== undefined ? { kind, id, reason: known } : undefined
}

function parsed(text: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) ? value : []
  } catch {
    return []
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => unref(setTimeout(resolve, ms)))
}

// A process must be able to end while its store is away.
function unref(timer: { unref?(): unknown } | number): void {
  if (typeof timer === 'object') timer.unref?.()
}
