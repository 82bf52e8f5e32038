/** A query without one of its parameters, and what that was. */
export interface QueryReading {
  /** As it was, with its question mark, but for the parameter. */
  readonly query: string
  /** `undefined` where it is not there; where it is there twice, nothing is believed. */
  readonly token: string | undefined
}

/**
 * Takes a parameter of ours off a query, whose other bytes stay as they are: an upstream may have signed them.
 *
 * @example
 * takeFromQuery('?a=1&coatcheck-form=x&b=2', 'coatcheck-form') // { query: '?a=1&b=2', token: 'x' }
 */
export function takeFromQuery(query: string, name: string): QueryReading {
  if (!query.includes(name)) return { query, token: undefined }
  const parts = query.slice(1).split('&')
  const isOurs = (part: string): boolean => part === name || part.startsWith(`${name}=`)
  const ours = parts.filter(isOurs)
  const rest = parts.filter((part) => !isOurs(part)).join('&')
  const [only] = ours
  const token = ours.length === 1 ? only?.slice(name.length + 1) : undefined
  return { query: rest === '' ? '' : `?${rest}`, token }
}
