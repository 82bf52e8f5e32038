import { timingSafeEqual } from 'node:crypto'

/**
 * Whether two byte strings are equal, in a time that does not tell where they differ. Lengths are public.
 *
 * @example
 * constantTimeEqual(Uint8Array.of(1), Uint8Array.of(1)) // true
 */
export function constantTimeEqual(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && timingSafeEqual(one, other)
}
