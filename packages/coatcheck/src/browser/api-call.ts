import { CoatcheckError } from '../core/errors.ts'
import type { ApiAddresses } from './api-addresses.ts'
import type { RequestProofs } from './request-proofs.ts'
import type { Held } from './shelf.ts'

/** What {@link callApi} works with. */
export interface ApiCallPlace {
  readonly allows: ApiAddresses
  readonly fetch: typeof fetch
  readonly proofs: RequestProofs | undefined
  /** The tokens to call with; `unlike` is an entry that the API has refused. */
  current(unlike?: Held): Promise<Held>
}

/**
 * Calls an API with the access token: at the configured addresses alone, and no redirect takes the token on.
 *
 * Rejects with `api_address_refused`, `api_redirect_refused`, `signed_out`, `access_token_expired`,
 * `renewal_unavailable`, or as `fetch` does.
 *
 * @see RFC 6750, sections 2.1 and 3.1; RFC 9449, section 7
 */
export async function callApi(
  { allows, fetch, proofs, current }: ApiCallPlace,
  input: string | URL | Request,
  init?: RequestInit,
): Promise<Response> {
  const address = new Request(input instanceof Request ? input.url : input)
  // Before anything is asked for: an address that is not ours is a mistake, or an attack.
  if (!allows(new URL(address.url))) throw new CoatcheckError('api_address_refused')

  async function send(held: Held): Promise<Response> {
    const { access_token: accessToken, token_type: type, clock_offset: clockOffsetMs } = held.kept
    const request = new Request(input, { ...init, mode: 'cors', redirect: 'manual' })
    const { method, url } = request
    const proof =
      type === 'DPoP'
        ? await proofs?.headers(method, url, { accessToken, clockOffsetMs })
        : undefined
    for (const [name, value] of Object.entries(proof ?? {})) request.headers.set(name, value)
    request.headers.set('authorization', `${type} ${accessToken}`)
    const response = await fetch(request)
    if (response.type === 'opaqueredirect') throw new CoatcheckError('api_redirect_refused')
    return response
  }

  const held = await current()
  const response = await send(held)
  const isAskedForNonce = await proofs?.learn(address.url, response)
  if (response.status !== 401 || !isRepeatable(input, init)) return response
  if (isAskedForNonce) return send(held)
  // The API says that the token is over, whatever our clock says. It says so where we may read it.
  if (!/error="?invalid_token/.test(response.headers.get('www-authenticate') ?? '')) return response
  const renewed = await current(held).catch(() => held)
  return renewed.text === held.text ? response : send(renewed)
}

// A body that is read once cannot be sent twice.
function isRepeatable(input: string | URL | Request, init: RequestInit | undefined): boolean {
  const isBodiless = !(input instanceof Request) || /^(?:GET|HEAD)$/.test(input.method)
  return isBodiless && !(init?.body instanceof ReadableStream)
}
