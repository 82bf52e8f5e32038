import type { ErrorCode } from '../core/error-codes.ts'
import { CoatcheckError } from '../core/errors.ts'
import { readSafeAddress } from './api-addresses.ts'
import type { RequestProofs } from './request-proofs.ts'
import { tryLater } from './try-later.ts'

/** What of a provider's metadata a page needs, by its own names: addresses are https. */
export interface ProviderMetadata {
  readonly authorization_endpoint: string
  readonly token_endpoint: string
  readonly jwks_uri: string
  readonly revocation_endpoint?: string
  readonly end_session_endpoint?: string
  /** Whether the answer to an authorization request always names its issuer (RFC 9207). */
  readonly authorization_response_iss_parameter_supported?: boolean
}

/** What a token endpoint answers (RFC 6749, section 5.1). */
export interface TokenAnswer {
  readonly access_token: string
  readonly token_type: string
  /** In seconds. */
  readonly expires_in?: number
  readonly refresh_token?: string
  readonly id_token?: string
  readonly scope?: string
}

/** What came of a token request. */
export type TokenCall =
  | { readonly kind: 'answered'; readonly answer: TokenAnswer }
  /** `invalid_grant`: what was sent is worth nothing. */
  | { readonly kind: 'refused' }
  /** Refused without being spent, or not sent at all. */
  | {
      readonly kind: 'not_spent'
      readonly code: ErrorCode
      readonly retryAfterSeconds: number | undefined
    }
  /** Sent, and no clear answer came: nobody can tell whether it is spent. */
  | { readonly kind: 'lost' }

/** A page's calls to its provider, as a public client. */
export interface ProviderCalls {
  /** Rejects with `provider_unavailable` or `provider_metadata_invalid`. */
  metadata(): Promise<ProviderMetadata>
  token(parameters: Readonly<Record<string, string>>): Promise<TokenCall>
  /** Revokes a refresh token, also while the page goes away. Whether it is known to be revoked. */
  revoke(refreshToken: string | undefined): Promise<boolean>
}

/** What {@link createProviderCalls} takes. */
export interface ProviderCallsOptions {
  readonly issuer: string
  readonly clientId: string
  readonly insecure: boolean
  readonly fetch: typeof fetch
  readonly proofs: RequestProofs | undefined
}

const TIMEOUT_MS = 10_000
const REQUIRED = ['authorization_endpoint', 'token_endpoint', 'jwks_uri']
const OPTIONAL = ['revocation_endpoint', 'end_session_endpoint']
const MAX_RETRY_SECONDS = 3600
const MAX_LIFETIME_SECONDS = 1e10

/**
 * The few calls that a page makes by itself.
 *
 * @see RFC 6749, sections 4.1.3, 5 and 6; RFC 7009; RFC 8414, section 3; OpenID Connect Discovery, section 4
 */
export function createProviderCalls(options: ProviderCallsOptions): ProviderCalls {
  const { issuer, clientId, insecure, fetch, proofs } = options
  let known: Promise<ProviderMetadata> | undefined

  async function load(): Promise<ProviderMetadata> {
    const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    const response = await fetch(url, { ...BARE, signal }).catch(() => undefined)
    const json: Record<string, unknown> | null | undefined =
      response?.status === 200 ? await response.json().catch(() => null) : undefined
    if (json === undefined) throw tryLater('provider_unavailable')
    const isSafe = (name: string): boolean =>
      readSafeAddress(String(json?.[name]), insecure) !== undefined
    for (const name of OPTIONAL) if (!isSafe(name)) delete json?.[name]
    // Every character counts: another issuer's metadata would send codes and tokens to it (RFC 8414, 3.3).
    if (json?.issuer !== issuer || !REQUIRED.every(isSafe))
      throw new CoatcheckError('provider_metadata_invalid')
    return json as object as ProviderMetadata
  }

  function metadata(): Promise<ProviderMetadata> {
    known ??= load().catch((error: unknown) => {
      known = undefined
      throw error
    })
    return known
  }

  function post(
    url: string,
    parameters: Readonly<Record<string, string>>,
    keepalive: boolean,
  ): Promise<Response> {
    const body = new URLSearchParams({ ...parameters, client_id: clientId })
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    const send = (headers: Readonly<Record<string, string>>): Promise<Response> =>
      fetch(url, { ...BARE, method: 'POST', cache: 'no-store', headers, body, signal, keepalive })
    return proofs === undefined ? send({}) : proofs.send('POST', url, send)
  }

  async function token(parameters: Readonly<Record<string, string>>): Promise<TokenCall> {
    try {
      const { token_endpoint: url } = await metadata()
      return await readTokenCall(await post(url, parameters, false))
    } catch (error) {
      return error instanceof CoatcheckError ? notSpent(error.code) : { kind: 'lost' }
    }
  }

  return {
    metadata,
    token,
    revoke: async (refreshToken) => {
      try {
        const { revocation_endpoint: url } = await metadata()
        if (url === undefined || refreshToken === undefined) return false
        const parameters = { token: refreshToken, token_type_hint: 'refresh_token' }
        return (await post(url, parameters, true)).status === 200
      } catch {
        return false
      }
    },
  }
}

/** No cookie, no referrer, and no redirect that would carry a code or token on. */
export const BARE: Readonly<RequestInit> = {
  credentials: 'omit',
  redirect: 'manual',
  referrerPolicy: 'no-referrer',
  mode: 'cors',
}

async function readTokenCall(response: Response): Promise<TokenCall> {
  const { status } = response
  if (status === 503 || status === 429) return notSpent('provider_unavailable', response)
  if (status !== 200 && (status < 400 || status >= 500)) return { kind: 'lost' }
  const json = await response.json().catch(() => undefined)
  if (status === 200) {
    return isTokenAnswer(json) ? { kind: 'answered', answer: json } : { kind: 'lost' }
  }
  return json?.error === 'invalid_grant'
    ? { kind: 'refused' }
    : notSpent('provider_refused', response)
}

/** Whether a value has the form of a token endpoint's answer; nothing is said of its tokens. */
export function isTokenAnswer(value: unknown): value is TokenAnswer {
  const answer = (value ?? {}) as Readonly<Record<string, unknown>>
  const { access_token: token, token_type: type, expires_in: lifetime = 1 } = answer
  return (
    token !== '' &&
    [token, type, answer.refresh_token ?? '', answer.id_token ?? '', answer.scope ?? ''].every(
      (member) => typeof member === 'string',
    ) &&
    // Some write the number as text.
    Number(lifetime) > 0 &&
    Number(lifetime) < MAX_LIFETIME_SECONDS
  )
}

function notSpent(code: ErrorCode, response?: Response): TokenCall {
  const seconds = Number(response?.headers.get('retry-after'))
  const retryAfterSeconds = seconds > 0 ? Math.min(seconds, MAX_RETRY_SECONDS) : undefined
  return { kind: 'not_spent', code, retryAfterSeconds }
}
