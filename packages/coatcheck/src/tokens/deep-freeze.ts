/** Freezes JSON to its depth. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  // Asking whether an array is frozen, or for its keys one by one, costs more than the freezing.
  for (const member of Object.values(value)) {
    if (typeof member === 'object') deepFreeze(member)
  }
  return Object.freeze(value)
}
