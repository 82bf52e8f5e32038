import { openChannel } from './session-channel.ts'
import type { SessionClient } from './session-client.ts'
import { type SessionState, type Timeout, timeoutOf } from './session-state.ts'

/** What is about to happen to a session. */
export interface SessionWarning {
  /** `idle_timeout`: unless it is used. `absolute_timeout`: in any case. */
  readonly reason: Timeout
  /** When; milliseconds since 1970 by the server's clock, for {@link SessionClient.secondsUntil}. */
  readonly endsAt: number
}

/** When to warn. */
export interface WarningOptions {
  /**
   * How many seconds before the end. Default: 120. From nine tenths of the server's idle time on, a use would
   * not withdraw the warning: the server writes a use down only after a tenth of it.
   */
  readonly seconds?: number
}

const STEP_SECONDS = 15

/**
 * Warns before a session ends: once for each end, in every tab, after a sleep of the machine too. `undefined`
 * withdraws the warning: the session was used in some tab, or is over. The server is asked before; that is no
 * activity. Gives back how to stop.
 *
 * @example
 * const counter = createSessionClient()
 * warnBeforeEnd(counter, (warning) => {
 *   document.title = warning ? `${counter.secondsUntil(warning.endsAt)} s left` : 'Orders'
 * })
 */
export function warnBeforeEnd(
  client: SessionClient,
  listener: (warning: SessionWarning | undefined) => void,
  { seconds = 120 }: WarningOptions = {},
): () => void {
  if (!(seconds > 0)) throw new RangeError(`seconds (${seconds}) must be greater than 0`)
  const stopping = new AbortController()
  const { signal } = stopping
  let latest: SessionState = { state: 'signed_out' }
  let warnedOf: number | undefined
  let timer: ReturnType<typeof setTimeout> | undefined

  function secondsLeft(): number {
    return latest.state === 'signed_in' ? client.secondsUntil(latest.idleEndsAt) : Infinity
  }

  // Nothing needs to be asked until the end is near. A tab that nobody sees asks before it warns, and at the end.
  function check(): void {
    const left = secondsLeft()
    const isSeen = warnedOf === undefined || left === 0 || !document.hidden
    if (left <= seconds && isSeen) void look()
    else settle()
  }

  async function look(): Promise<void> {
    // Without an answer it is better to warn once too often.
    latest = await client.session().catch(() => latest)
    if (!signal.aborted) settle()
  }

  function settle(): void {
    const left = secondsLeft()
    const ending = latest.state === 'signed_in' && left <= seconds ? latest : undefined
    plan(left)
    if (ending?.idleEndsAt === warnedOf) return
    warnedOf = ending?.idleEndsAt
    listener(ending && { reason: timeoutOf(ending), endsAt: ending.idleEndsAt })
  }

  // In steps: timers are late in hidden tabs and after a sleep, and know nothing of a clock that was set.
  function plan(left: number): void {
    clearTimeout(timer)
    if (latest.state === 'signed_out') return
    // A second more than is promised is left: then it is over at the server too.
    const next = left > seconds ? left - seconds : left + 1
    timer = setTimeout(check, 1000 * (left > 0 ? Math.min(next, STEP_SECONDS) : STEP_SECONDS))
  }

  const unsubscribe = client.subscribe((state) => {
    latest = state
    check()
  })
  const channel = openChannel()
  channel?.addEventListener('message', ({ data }) => {
    if (data === 'used' && warnedOf !== undefined) void look()
  })
  for (const event of ['visibilitychange', 'pageshow', 'focus']) {
    addEventListener(event, check, { signal })
  }
  return () => {
    stopping.abort()
    clearTimeout(timer)
    unsubscribe()
    channel?.close()
  }
}
