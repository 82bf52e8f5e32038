import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import {
  allowInsecureHttp,
  CoatcheckError,
  createRemoteKeySet,
  createVerifier,
  type Verifier,
} from 'coatcheck/tokens'
import { refuseToken, sendJson } from './api-answer.ts'
import { echoUpload, readOrder, sendEvents, sendReport, streamBytes } from './api-bodies.ts'
import { serveEchoSocket } from './api-socket.ts'
import type { DataFolder } from './data-folder.ts'
import { isServedHost, startLoopbackServer } from './loopback-server.ts'
import { createOrders, type Orders } from './orders.ts'

/** What {@link startSampleApi} takes. */
export interface SampleApiOptions {
  /** Whose access tokens are accepted. */
  readonly issuer: string
  /** What they must be made for. */
  readonly audience: string
  /** Keeps the port. */
  readonly folder?: DataFolder
}

/** An API that wants a verified access token with everything. */
export interface SampleApi {
  /** `http://127.0.0.1:PORT` */
  readonly origin: string
  close(): Promise<void>
}

interface Caller {
  readonly subject: string
  readonly scopes: readonly string[]
}

/**
 * Starts the sample API on 127.0.0.1: `/orders`, `/me`, `/events` (SSE), `/download/report.csv`,
 * `/stream?bytes=N`, `/echo` (counts what is sent) and `/socket` (WebSocket). It never says back a token.
 *
 * Throws `StartError` if the kept port is taken.
 *
 * @see RFC 6750; RFC 9068, section 4
 * @example
 * const api = await startSampleApi({ issuer: provider.issuer, audience: provider.apiAudience })
 */
export async function startSampleApi(options: SampleApiOptions): Promise<SampleApi> {
  const { issuer, audience, folder } = options
  const verifier = createVerifier({
    issuer,
    audience,
    kind: 'access_token',
    jwks: createRemoteKeySet({ issuer, [allowInsecureHttp]: true }),
    requiredClaims: ['sub'],
  })
  const running = await startLoopbackServer({ folder, name: 'api' }, () =>
    createApiListener(verifier, createOrders()),
  )
  const closeSockets = serveEchoSocket(running.server, async (request) => {
    if (!isServedHost(request.rawHeaders, new URL(running.origin).host)) return 421
    if (request.url !== '/socket') return 404
    return (await authenticate(verifier, request)) === undefined ? 401 : 101
  })
  return {
    origin: running.origin,
    close: () => {
      closeSockets()
      return running.close()
    },
  }
}

function createApiListener(verifier: Verifier, orders: Orders): RequestListener {
  return (request, response) => {
    authenticate(verifier, request)
      .then((caller) => {
        if (caller === undefined) return refuseToken(response, 'invalid_token')
        return answer(request, response, caller, orders)
      })
      .catch((error: unknown) => {
        if (response.headersSent) return response.destroy()
        const away = error instanceof CoatcheckError && error.status === 503
        if (away) response.setHeader('retry-after', '2')
        return sendJson(response, away ? 503 : 500, {
          error: away ? 'temporarily_unavailable' : 'server_error',
        })
      })
  }
}

// Nobody, if the token is missing or refused. That the keys are out of reach is no refusal: it is thrown.
async function authenticate(
  verifier: Verifier,
  request: IncomingMessage,
): Promise<Caller | undefined> {
  const token = /^Bearer ([\w.~+/-]+=*)$/i.exec(request.headers.authorization ?? '')?.[1]
  if (token === undefined) return undefined
  try {
    const { claims } = await verifier.verify(token)
    const { scope } = claims
    return {
      subject: claims.sub ?? '',
      scopes: typeof scope === 'string' ? scope.split(' ') : [],
    }
  } catch (error) {
    if (error instanceof CoatcheckError && error.status === 401) return undefined
    throw error
  }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { subject, scopes }: Caller,
  orders: Orders,
): Promise<void> {
  const { pathname, searchParams } = new URL(`http://api${request.url ?? '/'}`)
  const method = request.method === 'HEAD' ? 'GET' : request.method
  const route = pathname === '/echo' ? '/echo' : `${method} ${pathname}`
  const needed = route === 'POST /orders' ? 'orders:write' : 'orders:read'
  if (!scopes.includes(needed)) return refuseToken(response, 'insufficient_scope')
  switch (route) {
    case 'GET /orders':
      return sendJson(response, 200, { orders: orders.list(subject) })
    case 'POST /orders': {
      const order = await readOrder(request)
      if (order === undefined) return sendJson(response, 400, { error: 'not an order' })
      return sendJson(response, 201, orders.add(subject, order))
    }
    case 'GET /me':
      return sendJson(response, 200, { subject, scopes })
    case 'GET /events':
      return sendEvents(response)
    case 'GET /download/report.csv':
      return sendReport(response, orders.list(subject))
    case 'GET /stream':
      return streamBytes(response, searchParams)
    case '/echo':
      return echoUpload(request, response)
    default:
      return sendJson(response, 404, { error: 'nothing is here' })
  }
}
