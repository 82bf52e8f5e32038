import type { ErrorCode } from '../core/error-codes.ts'
import { CoatcheckError } from '../core/errors.ts'

// When another try makes sense, if nobody said.
const RETRY_AFTER_SECONDS = 5

/** An error that goes away by itself. */
export function tryLater(
  code: ErrorCode,
  retryAfterSeconds: number = RETRY_AFTER_SECONDS,
): CoatcheckError {
  return new CoatcheckError(code, { retryAfterSeconds })
}
