import * as oauth from 'oauth4webapi'
import { CoatcheckError } from '../core/errors.ts'
import { NoAnswerError, NotSentError } from './bounded-fetch.ts'

/** How a token call failed, told apart by what became of the token that was sent. */
export type TokenCallFailure =
  /** `invalid_grant`: worth nothing any more. */
  | { readonly kind: 'refused' }
  /** Not sent, or refused without being spent. */
  | { readonly kind: 'not_spent'; readonly retryAfterSeconds?: number }
  /** Sent, and no clear answer came. */
  | { readonly kind: 'lost' }

/**
 * What an answer of the token endpoint means, before its body is believed; `undefined` for one that
 * succeeded.
 *
 * @see RFC 6749, section 5.2; RFC 9700, section 4.14
 */
export async function readTokenFailure(response: Response): Promise<TokenCallFailure | undefined> {
  const { status } = response
  if (status === 200) return undefined
  if (status === 429 || status === 503) return { kind: 'not_spent', ...retryAfter(response) }
  if (status < 400 || status >= 500) return { kind: 'lost' }
  const error = await errorCodeOf(response)
  return error === 'invalid_grant' ? { kind: 'refused' } : { kind: 'not_spent' }
}

/** What it means that a call threw. */
export function failureOfThrown(error: unknown): TokenCallFailure {
  const isEarly = error instanceof NotSentError || findCause(error) instanceof NotSentError
  return { kind: isEarly ? 'not_spent' : 'lost' }
}

/** The error of a sign-in whose token call failed. */
export function signInError(error: unknown): CoatcheckError {
  if (error instanceof CoatcheckError) return error
  if (error instanceof NotSentError || error instanceof NoAnswerError) {
    return new CoatcheckError('provider_unavailable', { retryAfterSeconds: 5 })
  }
  if (error instanceof oauth.AuthorizationResponseError)
    return new CoatcheckError('sign_in_refused')
  if (error instanceof oauth.ResponseBodyError) {
    return new CoatcheckError(error.status >= 500 ? 'provider_unavailable' : 'provider_refused')
  }
  return new CoatcheckError('provider_response_invalid', { cause: error })
}

async function errorCodeOf(response: Response): Promise<unknown> {
  try {
    const body = (await response.clone().json()) as { readonly error?: unknown } | null
    return body?.error
  } catch {
    return undefined
  }
}

const MAX_RETRY_SECONDS = 3600

function retryAfter(response: Response): { readonly retryAfterSeconds?: number } {
  const value = response.headers.get('retry-after')
  if (value === null || !/^\d{1,9}$/.test(value)) return {}
  return { retryAfterSeconds: Math.min(Number(value), MAX_RETRY_SECONDS) }
}

function findCause(error: unknown): unknown {
  return error instanceof Error ? error.cause : undefined
}
