/** The members that are there. */
export type Present<T extends object> = { [Name in keyof T]?: Exclude<T[Name], undefined> }

/**
 * The members that are there: what is `undefined` is left out, so that it is not listed either.
 *
 * @example
 * present({ a: 1, b: undefined }) // { a: 1 }
 */
export function present<T extends object>(members: T): Present<T> {
  const entries = Object.entries(members).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as Present<T>
}
