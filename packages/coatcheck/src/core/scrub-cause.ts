/** What is kept of an error that came from elsewhere: never its message, which can quote a token. */
export interface ScrubbedCause {
  readonly name: string
  readonly code?: string
}

/**
 * The name and code of an error from elsewhere: other libraries put whole token answers into messages
 * and causes.
 *
 * @example
 * scrubCause(Object.assign(new TypeError('secret'), { code: 'ECONNREFUSED' })) // { name: 'TypeError', code: 'ECONNREFUSED' }
 */
export function scrubCause(cause: unknown): ScrubbedCause {
  if (!(cause instanceof Error)) return { name: typeof cause }
  const code: unknown = Object.getOwnPropertyDescriptor(cause, 'code')?.value
  return { name: isPlain(cause.name) ? cause.name : 'Error', ...(isPlain(code) ? { code } : {}) }
}

// A word: what is longer or written otherwise may be a token.
function isPlain(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Za-z][A-Za-z0-9_]{0,60}$/.test(value)
}
