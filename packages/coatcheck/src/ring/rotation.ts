import { type Clock, systemClock } from '../core/clock.ts'
import { CoatcheckError } from '../core/errors.ts'
import { describeKeyRing, type KeyStanding } from './key-roles.ts'
import { type GenerateKeyRingOptions, generateKey, type KeyRingFile } from './ring-file.ts'

/** How long processes are given to read a changed ring, in seconds. */
export const RELOAD_SECONDS = 60
/** A sign-in that began under a former key may still come back. */
const SIGN_IN_SECONDS = 600

/**
 * A ring with one more key, which opens and seals nothing yet. Throws `wrong_use` when one waits already.
 *
 * @example
 * const file = addKey(generateKeyRing())
 * describeKeyRing(file).at(-1)?.role // 'waiting'
 */
export function addKey(file: KeyRingFile, options: GenerateKeyRingOptions = {}): KeyRingFile {
  const waiting = waitingKey(file)
  if (waiting !== undefined) throw refused(`Key ${waiting.id} waits already: promote it first.`)
  const newest = Math.max(...describeKeyRing(file).map(({ createdAt }) => createdAt))
  const now = (options.clock ?? systemClock)()
  // A clock that is behind must not make it look like a former key.
  const key = generateKey({ ...options, clock: () => Math.max(now, newest) })
  return { ...file, keys: [...file.keys, key] }
}

/** When a waiting key may begin to seal. */
export interface PromoteKeyOptions {
  /** How long all processes are given to read the ring with the new key. Default: 60. 0: they have it. */
  readonly reloadSeconds?: number
  /** Default: the machine's clock. */
  readonly clock?: Clock
}

/**
 * A ring whose waiting key seals from now on; the former one only opens. Throws `key_not_due` before all processes
 * had time to read the new key, and `wrong_use` when none waits.
 *
 * @example
 * const file = promoteKey(addKey(generateKeyRing()), { reloadSeconds: 0 })
 * describeKeyRing(file).map(({ role }) => role) // ['former', 'sealing']
 */
export function promoteKey(file: KeyRingFile, options: PromoteKeyOptions = {}): KeyRingFile {
  const { reloadSeconds = RELOAD_SECONDS, clock = systemClock } = options
  const waiting = waitingKey(file)
  if (waiting === undefined) throw refused('No key waits: add one first.')
  const now = clock()
  const dueAt = waiting.createdAt + reloadSeconds * 1000
  if (now < dueAt) throw notDue(`Key ${waiting.id} may seal from ${timeText(dueAt)} on.`)
  // Never before a former key began, or it could not be told which of them follows which.
  const latest = Math.max(...describeKeyRing(file).map(({ promotedAt = 0 }) => promotedAt))
  const promotedAt = timeText(Math.max(now, latest + 1))
  return {
    ...file,
    keys: file.keys.map((key) =>
      key.id === waiting.id
        ? { ...key, promotedAt, state: 'active' as const }
        : { ...key, state: 'opening' as const },
    ),
  }
}

/** When a former key may go. */
export interface RetireKeyOptions {
  /** The longest `absoluteSeconds` of all sites that use the ring. */
  readonly absoluteSeconds: number
  /** Default: the machine's clock. */
  readonly clock?: Clock
}

/**
 * A ring without a key that nothing needs any more. Throws `key_not_due` while something may lie under it, and
 * `wrong_use` for the key that seals.
 *
 * @example
 * const file = promoteKey(addKey(generateKeyRing()), { reloadSeconds: 0 })
 * const [old] = describeKeyRing(file)
 * // Throws `key_not_due` for the next twelve hours.
 * if (old !== undefined) retireKey(file, old.id, { absoluteSeconds: 43_200 })
 */
export function retireKey(file: KeyRingFile, id: string, options: RetireKeyOptions): KeyRingFile {
  const dueAt = retirableAt(standingOf(file, id), options.absoluteSeconds)
  const isDue = dueAt === undefined || (options.clock ?? systemClock)() >= dueAt
  if (!isDue) throw notDue(`Key ${id} is needed until ${timeText(dueAt)}.`)
  return forgetKey(file, id)
}

/**
 * A ring without a key, whatever lies under it: sessions that were not written since its successor was promoted
 * are signed out, and sign-ins under way begin again. For a key that somebody else may have.
 *
 * Throws `wrong_use` for the key that seals.
 *
 * @example
 * const file = promoteKey(addKey(generateKeyRing()), { reloadSeconds: 0 })
 * const [stolen] = describeKeyRing(file)
 * if (stolen !== undefined) forgetKey(file, stolen.id).keys.length // 1
 */
export function forgetKey(file: KeyRingFile, id: string): KeyRingFile {
  if (standingOf(file, id).role === 'sealing') {
    throw refused(`Key ${id} seals: promote another one first.`)
  }
  return { ...file, keys: file.keys.filter((key) => key.id !== id) }
}

/**
 * From when on nothing lies under a former key, in milliseconds since 1970: what was sealed under it, by a process
 * that read the ring late even, is over. `undefined` for a key that waits, which may go at any time.
 */
export function retirableAt(
  { succeededAt }: Pick<KeyStanding, 'succeededAt'>,
  absoluteSeconds: number,
): number | undefined {
  if (succeededAt === undefined) return undefined
  const seconds = Math.max(absoluteSeconds, SIGN_IN_SECONDS) + RELOAD_SECONDS
  return succeededAt + seconds * 1000
}

function standingOf(file: KeyRingFile, id: string): KeyStanding {
  const standing = describeKeyRing(file).find((key) => key.id === id)
  if (standing === undefined) throw refused('The ring has no key of this id.')
  return standing
}

function waitingKey(file: KeyRingFile): KeyStanding | undefined {
  return describeKeyRing(file).find(({ role }) => role === 'waiting')
}

function timeText(ms: number): string {
  return new Date(ms).toISOString()
}

function refused(detail: string): CoatcheckError {
  return new CoatcheckError('wrong_use', { detail })
}

function notDue(detail: string): CoatcheckError {
  return new CoatcheckError('key_not_due', { detail })
}
