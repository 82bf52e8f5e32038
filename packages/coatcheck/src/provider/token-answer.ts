import * as oauth from 'oauth4webapi'
import { CoatcheckError } from '../core/errors.ts'
import { NoAnswerError, NotSentError } from './bounded-fetch.ts'

/** How a token call failed, told apart by what became of the token that was sent. */
export type TokenCallFailure =
  /** `invalid_grant`: worth nothing any more. */
  | { readonly kind: 'refused'; readonly why: string }
  /** Not sent, or refused without being spent. */
  | {
      readonly kind: 'not_spent'
      readonly retryAfterSeconds?: number
      /** Said of the whole client, not of one token: 429. */
      readonly everyone?: boolean
      /** In words of ours, or a code of RFC 6749: `not_reached`, `status_503`, `invalid_client`. */
      readonly why: string
    }
  /** Sent, and no clear answer came. */
  | { readonly kind: 'lost'; readonly why: string }

const MAX_RETRY_SECONDS = 3600
const RETRY_AFTER_SECONDS = 5

/**
 * What an answer of the token endpoint means for the refresh token that was sent; `undefined` for one that
 * succeeded.
 *
 * @see RFC 6749, section 5.2; RFC 9700, section 4.14
 */
export async function readTokenFailure(
  response: Response,
  nowMs: number,
): Promise<TokenCallFailure | undefined> {
  const { status } = response
  if (status === 200) return undefined
  const isClear = status === 503 || (status >= 400 && status < 500)
  const code = isClear && status !== 503 ? await errorCodeOf(response) : undefined
  const why = typeof code === 'string' && KNOWN_ERRORS.has(code) ? code : `status_${status}`
  if (!isClear) return { kind: 'lost', why }
  if (code === 'invalid_grant') return { kind: 'refused', why }
  const retryAfterSeconds = readRetryAfter(response, nowMs)
  return {
    kind: 'not_spent',
    why,
    ...(status === 429 ? { everyone: true } : {}),
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  }
}

/** Throws `provider_unavailable` for an answer that says "later", before its body is looked at. */
export function refuseUnavailable(response: Response, nowMs: number): void {
  if (response.status !== 429 && response.status < 500) return
  throw new CoatcheckError('provider_unavailable', {
    retryAfterSeconds: readRetryAfter(response, nowMs) ?? RETRY_AFTER_SECONDS,
  })
}

/**
 * Any failure of a call to the provider as an error of ours. Nothing of the provider's own words is in it
 * but an error code that RFC 6749 knows.
 */
export function providerError(error: unknown): CoatcheckError {
  if (error instanceof CoatcheckError) return error
  if (error instanceof NotSentError || error instanceof NoAnswerError) return unavailable()
  if (error instanceof oauth.AuthorizationResponseError) {
    const isLater = error.error === 'temporarily_unavailable' || error.error === 'server_error'
    return isLater ? unavailable() : new CoatcheckError('sign_in_refused')
  }
  if (error instanceof oauth.ResponseBodyError) return refused(error.error)
  if (error instanceof oauth.WWWAuthenticateChallengeError) return refused('invalid_client')
  return new CoatcheckError('provider_response_invalid', { cause: error })
}

const KNOWN_ERRORS: ReadonlySet<string> = new Set([
  'invalid_request',
  'invalid_client',
  'invalid_grant',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope',
  'invalid_target',
  'unsupported_token_type',
])

function refused(code: string): CoatcheckError {
  const isKnown = KNOWN_ERRORS.has(code)
  return new CoatcheckError(
    'provider_refused',
    isKnown ? { detail: `The provider answered ${code}.` } : {},
  )
}

function unavailable(): CoatcheckError {
  return new CoatcheckError('provider_unavailable', { retryAfterSeconds: RETRY_AFTER_SECONDS })
}

async function errorCodeOf(response: Response): Promise<unknown> {
  try {
    const body = (await response.clone().json()) as { readonly error?: unknown }
    return body.error
  } catch {
    return undefined
  }
}

// Seconds or a date (RFC 9110, 10.2.3).
function readRetryAfter(response: Response, nowMs: number): number | undefined {
  const value = response.headers.get('retry-after')
  if (value === null) return undefined
  const seconds = /^\d{1,9}$/.test(value) ? Number(value) : (Date.parse(value) - nowMs) / 1000
  if (Number.isNaN(seconds)) return undefined
  return Math.min(Math.max(1, Math.ceil(seconds)), MAX_RETRY_SECONDS)
}
