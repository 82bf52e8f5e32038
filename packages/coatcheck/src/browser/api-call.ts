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
 * Rejects with `api_address_refused`, `api_redirect_refused`, `signed_out`, `signed_in_as_another`,
 * `access_token_expired`, `renewal_unavailable`, `provider_...`, `key_set_...`, or as `fetch` does.
 *
 * @see RFC 6750, sections 2.1 and 3.1; RFC 9449, section 7
 */
export async function callApi(
  { allows, fetch, proofs, current }: ApiCallPlace,
  input: string | URL | Request,
  init?: RequestInit,
): Promise<Response> {
  // Once: an object could read otherwise the next time.
  const target = input instanceof Request ? input : String(input)
  const isRepeatable = isSentAgain(target, init)

  function make(): Request {
    const request = new Request(new Request(target, init), { mode: 'cors', redirect: 'manual' })
    // Of the very request that is sent. A wrong address is a mistake, or an attack.
    if (!allows(new URL(request.url))) throw new CoatcheckError('api_address_refused')
    return request
  }

  async function send(first: Request, { kept }: Held): Promise<Response> {
    const { access_token: accessToken, token_type: type, clock_offset: clockOffsetMs } = kept
    let next: Request | undefined = first
    const sendOnce = async (headers: Readonly<Record<string, string>>): Promise<Response> => {
      const request = next ?? make()
      next = undefined
      for (const [name, value] of Object.entries(headers)) request.headers.set(name, value)
      request.headers.set('authorization', `${type} ${accessToken}`)
      const response = await fetch(request)
      if (response.type === 'opaqueredirect') throw new CoatcheckError('api_redirect_refused')
      return response
    }
    const options = { accessToken, clockOffsetMs, isRepeatable }
    return proofs === undefined
      ? sendOnce({})
      : proofs.send(first.method, first.url, sendOnce, options)
  }

  const request = make()
  const held = await current()
  const response = await send(request, held)
  // The API says that the token is over, whatever our clock says. It says so where we may read it.
  const challenge = response.headers.get('www-authenticate') ?? ''
  if (response.status !== 401 || !isRepeatable || !/error="?invalid_token/.test(challenge))
    return response
  const renewed = await current(held).catch((error: unknown) => {
    // What one person began is not done as another one.
    if (error instanceof CoatcheckError && error.code === 'signed_in_as_another') throw error
    return held
  })
  return renewed.text === held.text ? response : send(make(), renewed)
}

// A body that is read once cannot be sent twice.
function isSentAgain(target: string | Request, init: RequestInit | undefined): boolean {
  const isBodiless = !(target instanceof Request) || /^(?:GET|HEAD)$/.test(target.method)
  return isBodiless && !(init?.body instanceof ReadableStream)
}
