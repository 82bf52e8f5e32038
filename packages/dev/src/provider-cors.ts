import type { RequestListener, ServerResponse } from 'node:http'
import type { Context } from 'oidc-provider'
import type { DevPublicClient } from './provider-clients.ts'

/**
 * Whether the pages of an origin may ask as this client: those of a public client alone, and only as itself.
 *
 * @see Fetch, section 3.3 (CORS protocol)
 */
export function clientBasedCors(
  publicClients: readonly DevPublicClient[],
): (context: unknown, origin: string, client: Context['oidc']['client']) => boolean {
  return (_context, origin, { clientId }) =>
    publicClients.some((client) => client.clientId === clientId && client.origin === origin)
}

/**
 * The listener without CORS headers for origins of no public client, but where all may read: discovery and
 * keys. oidc-provider looks at the origin when it knows the client, so that by itself it would answer the
 * preflights of everybody, and show everybody its refusals of unknown clients.
 */
export function withClientOrigins(
  listener: RequestListener,
  publicClients: readonly DevPublicClient[],
): RequestListener {
  const origins = new Set(publicClients.map(({ origin }) => origin))
  return (request, response) => {
    const { origin } = request.headers
    if (origin !== undefined && !origins.has(origin) && !isOpen(request.url ?? '')) {
      withholdCorsHeaders(response)
    }
    listener(request, response)
  }
}

function isOpen(url: string): boolean {
  const [path = ''] = url.split('?')
  return path === '/jwks' || path.startsWith('/.well-known/')
}

function withholdCorsHeaders(response: ServerResponse): void {
  const setHeader = response.setHeader.bind(response)
  response.setHeader = (name, value) => {
    return name.toLowerCase().startsWith('access-control-') ? response : setHeader(name, value)
  }
}
