import { type CheckedEntry, checkRingFile, type KeyRingFile } from './ring-file.ts'

/** What a key of a ring does: one seals, a new one may wait for its turn, former ones only open what they sealed. */
export type KeyRole = 'sealing' | 'waiting' | 'former'

/** A key of a ring file, without its secret. */
export interface KeyStanding {
  readonly id: string
  readonly role: KeyRole
  /** Milliseconds since 1970, as are all times. */
  readonly createdAt: number
  /** When it began to seal. */
  readonly promotedAt?: number
  /** When the next key began to seal, of a former key. */
  readonly succeededAt?: number
}

/**
 * The keys of a ring file, oldest first, without their secrets. Throws `key_ring_invalid`.
 *
 * @example
 * describeKeyRing(generateKeyRing())[0]?.role // 'sealing'
 */
export function describeKeyRing(file: KeyRingFile): readonly KeyStanding[] {
  const entries = checkRingFile(file)
  const sealing = sealingEntry(entries)
  return byAge(entries).map((entry) => {
    const { id, createdAt, promotedAt } = entry
    const role = roleOf(entry, sealing)
    const succeededAt = role === 'former' ? successionOf(entry, entries, sealing) : undefined
    return {
      id,
      role,
      createdAt,
      ...(promotedAt === undefined ? {} : { promotedAt }),
      ...(succeededAt === undefined ? {} : { succeededAt }),
    }
  })
}

/** The first active key. */
export function sealingEntry(entries: readonly CheckedEntry[]): CheckedEntry {
  const sealing = entries.find(({ state }) => state === 'active')
  // checkRingFile has seen one.
  if (sealing === undefined) throw new TypeError('no active key')
  return sealing
}

/** Oldest first. */
export function byAge<T extends { readonly createdAt: number }>(
  entries: readonly T[],
): readonly T[] {
  return entries.toSorted((one, other) => one.createdAt - other.createdAt)
}

/** What a key does beside the one that seals. */
export function roleOf(entry: CheckedEntry, sealing: CheckedEntry): KeyRole {
  if (entry === sealing) return 'sealing'
  // Rings that were made by hand may not say when a key was promoted.
  const hasSealed = entry.promotedAt !== undefined || entry.createdAt < sealing.createdAt
  return hasSealed ? 'former' : 'waiting'
}

function successionOf(
  entry: CheckedEntry,
  entries: readonly CheckedEntry[],
  sealing: CheckedEntry,
): number {
  const began = entry.promotedAt ?? entry.createdAt
  const later = entries.flatMap(({ promotedAt = began }) => (promotedAt > began ? promotedAt : []))
  return later.length > 0 ? Math.min(...later) : (sealing.promotedAt ?? sealing.createdAt)
}
