import { CoatcheckError } from '../../core/errors.ts'

const SERIALIZATION_FAILURE = '40001'
const DEADLOCK_DETECTED = '40P01'
const UNDEFINED_TABLE = '42P01'
const UNDEFINED_STATEMENT = '26000'
const DUPLICATE_STATEMENT = '42P05'
const UNIQUE_VIOLATION = '23505'
const READ_ONLY_TRANSACTION = '25006'
const WAITS_MS: readonly number[] = [2, 5, 10, 20, 40, 80]

/** The tables of a store that was ready are not there any more: somebody restored or dropped them. */
export function hasLostTables(error: unknown): boolean {
  return stateOf(error) === UNDEFINED_TABLE
}

/** The SQLSTATE of an error: five characters, or `undefined` for what the server did not say. */
export function stateOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : undefined
}

/**
 * Runs a statement, again a little later when the server gave up ours in favour of another one, which did
 * nothing then: six times at most.
 */
export function retryConflicts<T>(operation: () => Promise<T>, tries = 0): Promise<T> {
  return operation().catch(async (error: unknown) => {
    const state = stateOf(error)
    const waitMs = WAITS_MS[tries]
    if (state !== SERIALIZATION_FAILURE && state !== DEADLOCK_DETECTED) throw error
    if (waitMs === undefined) throw error
    // Not all at the same moment again.
    await new Promise((resolve) => setTimeout(resolve, waitMs * (0.5 + Math.random())))
    return retryConflicts(operation, tries + 1)
  })
}

/** What a driver failed with, without the statement, its values and the rows that drivers put into errors. */
export function scrubbed(error: unknown): CoatcheckError {
  if (error instanceof CoatcheckError) return error
  const state = stateOf(error)
  // Only what inserts a session can meet one that is there.
  if (state === UNIQUE_VIOLATION) {
    return new CoatcheckError('wrong_use', { detail: 'A session of this id is there.' })
  }
  const cause = plainCause(error)
  const detail = remedyFor(state)
  return new CoatcheckError('store_unavailable', {
    cause,
    retryAfterSeconds: 2,
    ...(detail === undefined ? {} : { detail }),
  })
}

// A code that begins with a digit would not be kept.
function plainCause(error: unknown): unknown {
  const state = stateOf(error)
  if (state === undefined) return error
  return Object.assign(new Error('refused by the server'), { code: `SQLSTATE_${state}` })
}

function remedyFor(state: string | undefined): string | undefined {
  if (state === UNDEFINED_STATEMENT || state === DUPLICATE_STATEMENT) {
    return 'A prepared statement got lost between us and the server: behind a pooler in transaction mode give postgresStore the option prepare: false.'
  }
  if (state === READ_ONLY_TRANSACTION) {
    return 'The server takes no writes: it is a replica. Connect to the primary.'
  }
  return undefined
}
