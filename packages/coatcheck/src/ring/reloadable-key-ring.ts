import { type Clock, systemClock } from '../core/clock.ts'
import type { ErrorCode } from '../core/error-codes.ts'
import { CoatcheckError } from '../core/errors.ts'
import { createKeyRing, type KeyRing } from './key-ring.ts'
import type { KeyRingFile } from './ring-file.ts'

/** What happens to a ring, for logs: key ids, which are public, and no key. */
export type RingEvent =
  | {
      readonly type: 'ring.reloaded'
      /** The key that seals. */
      readonly sealing: string
      /** All that open, oldest first. */
      readonly keys: readonly string[]
    }
  /** The ring could not be read again; the one that was read before stays. */
  | { readonly type: 'ring.reload_failed'; readonly code: ErrorCode; readonly detail?: string }

/** What {@link createReloadableKeyRing} needs. */
export interface ReloadableKeyRingOptions {
  /** The ring file as it is now. What it throws besides a `CoatcheckError` is not told to anybody. */
  readonly read: () => KeyRingFile
  readonly onEvent?: (event: RingEvent) => void
  /** For how many milliseconds after a look for an unknown key there is no other. Default: 1000. */
  readonly unknownKeyPauseMs?: number
  /** Default: the machine's clock. */
  readonly clock?: Clock
}

/** A ring that can be read again. */
export interface ReloadableKeyRing extends KeyRing {
  /**
   * Reads the ring again; false when it cannot be used, and stays as it was. A key that is
   * not known makes it look by itself, once a second at most.
   */
  reload(): boolean
}

/**
 * A ring that follows its file while the process runs. A file that is broken, or gone, changes nothing and is
 * told as an event. Throws what `read` throws, and `key_ring_invalid`, when it is made.
 *
 * @example
 * import { readFileSync } from 'node:fs'
 * const ring = createReloadableKeyRing({
 *   read: () => JSON.parse(readFileSync('ring.json', 'utf8')),
 *   onEvent: (event) => console.log(event.type),
 * })
 */
export function createReloadableKeyRing(options: ReloadableKeyRingOptions): ReloadableKeyRing {
  const { read, onEvent = () => {}, unknownKeyPauseMs = 1000, clock = systemClock } = options
  let ring = createKeyRing(read())
  let lastFault = ''
  let lookedAt = Number.NEGATIVE_INFINITY

  function reload(): boolean {
    const former = ring
    try {
      ring = successor(ring, createKeyRing(read()))
    } catch (error) {
      tellFault(error)
      return false
    }
    lastFault = ''
    const keys = ring.keys.map(({ id }) => id)
    if (ring !== former) tell({ type: 'ring.reloaded', sealing: ring.current.id, keys })
    return true
  }

  function tell(event: RingEvent): void {
    try {
      onEvent(event)
    } catch {
      // A listener that throws has a fault of its own: the request that looked for a key has none.
    }
  }

  function tellFault(error: unknown): void {
    const isOurs = error instanceof CoatcheckError
    // Others quote what they could not read.
    const fault = isOurs ? { code: error.code, detail: error.message } : { code: UNREADABLE }
    const text = JSON.stringify(fault)
    if (text === lastFault) return
    lastFault = text
    tell({ type: 'ring.reload_failed', ...fault })
  }

  function keyOf(id: string) {
    const known = ring.key(id)
    // A clock that was set back must not keep us from looking.
    if (known !== undefined || Math.abs(clock() - lookedAt) < unknownKeyPauseMs) return known
    lookedAt = clock()
    reload()
    return ring.key(id)
  }

  return {
    get current() {
      return ring.current
    },
    get keys() {
      return ring.keys
    },
    key: keyOf,
    isFormer: (id) => ring.isFormer(id),
    reload,
  }
}

const UNREADABLE: ErrorCode = 'key_ring_invalid'

// Keys that stay are the same objects, with whatever was derived from them.
function successor(ring: KeyRing, read: KeyRing): KeyRing {
  const keys = read.keys.map((key) => {
    const known = ring.key(key.id)
    if (known === undefined) return key
    if (known.subkey('seal').equals(key.subkey('seal'))) return known
    throw new CoatcheckError('key_ring_invalid', {
      detail: `The key ring has another secret for key ${key.id} than before.`,
    })
  })
  const isSame =
    keys.length === ring.keys.length &&
    keys.every((key, index) => key === ring.keys[index]) &&
    read.current.id === ring.current.id &&
    keys.every(({ id }) => read.isFormer(id) === ring.isFormer(id))
  if (isSame) return ring
  const byId = new Map(keys.map((key) => [key.id, key]))
  const current = byId.get(read.current.id) ?? read.current
  return { current, keys, key: (id) => byId.get(id), isFormer: read.isFormer }
}
