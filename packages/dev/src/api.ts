import type { RequestListener } from 'node:http'
import {
  allowInsecureHttp,
  CoatcheckError,
  createDpopNonces,
  createDpopVerifier,
  createJtiMemory,
  createRemoteKeySet,
  createVerifier,
  type DpopNonces,
  type KeySet,
} from 'coatcheck/tokens'
import { refuseToken, sendJson } from './api-answer.ts'
import { authenticate, type CallerRules } from './api-caller.ts'
import { type Cors, createCors } from './api-cors.ts'
import { answerCaller, readTarget } from './api-routes.ts'
import { serveEchoSocket } from './api-socket.ts'
import type { DataFolder } from './data-folder.ts'
import { isServedHost, type ServerCertificate, startLoopbackServer } from './loopback-server.ts'
import { createOrders, type Orders } from './orders.ts'
import { createTrustingFetch } from './trusting-fetch.ts'

/** What {@link startSampleApi} takes. */
export interface SampleApiOptions {
  /** Whose access tokens are accepted. */
  readonly issuer: string
  /** What they must be made for. */
  readonly audience: string
  /** Keeps the port. */
  readonly folder?: DataFolder
  /** Serves https with it, and trusts an issuer that has it, too. Default: http. */
  readonly certificate?: ServerCertificate
  /** Whose pages may call it, each exactly as browsers send it. Default: none. */
  readonly corsOrigins?: readonly string[]
}

/** An API that wants a verified access token with everything. */
export interface SampleApi {
  /** `http://127.0.0.1:PORT`, with a certificate `https://127.0.0.1:PORT` */
  readonly origin: string
  close(): Promise<void>
}

/**
 * Starts the sample API on 127.0.0.1: `/orders`, `/me`, `/events` (SSE), `/download/report.csv`,
 * `/stream?bytes=N`, `/echo` (counts what is sent), `/redirect?to=URL` and `/socket` (WebSocket), all of
 * them below `/v1/` as well. It never says back a token.
 *
 * Throws `StartError` if the kept port is taken.
 *
 * @see RFC 6750; RFC 9068, section 4
 * @example
 * const api = await startSampleApi({ issuer: provider.issuer, audience: provider.apiAudience })
 */
export async function startSampleApi(options: SampleApiOptions): Promise<SampleApi> {
  const { issuer, audience, certificate, corsOrigins = [], folder } = options
  const verifier = createVerifier({
    issuer,
    audience,
    kind: 'access_token',
    jwks: issuerKeys(issuer, certificate),
    requiredClaims: ['sub'],
  })
  const nonces = createDpopNonces()
  const proofs = createDpopVerifier({ nonces, claimJti: createJtiMemory().claim })
  const rulesAt = (origin: string): CallerRules => ({ tokens: verifier, proofs, origin })
  const running = await startLoopbackServer({ folder, name: 'api', certificate }, (origin) =>
    createApiListener(rulesAt(origin), nonces, createCors(corsOrigins), createOrders()),
  )
  const closeSockets = serveEchoSocket(running.server, async (request) => {
    if (!isServedHost(request.rawHeaders, new URL(running.origin).host)) return 421
    if (readTarget(request).pathname !== '/socket') return 404
    return (await authenticate(rulesAt(running.origin), request)).ok ? 101 : 401
  })
  return {
    origin: running.origin,
    close: () => {
      closeSockets()
      return running.close()
    },
  }
}

function issuerKeys(issuer: string, certificate: ServerCertificate | undefined): KeySet {
  if (issuer.startsWith('http:')) return createRemoteKeySet({ issuer, [allowInsecureHttp]: true })
  if (certificate === undefined) return createRemoteKeySet({ issuer })
  return createRemoteKeySet({ issuer, fetch: createTrustingFetch(certificate) })
}

function createApiListener(
  rules: CallerRules,
  nonces: DpopNonces,
  cors: Cors,
  orders: Orders,
): RequestListener {
  return (request, response) => {
    if (cors(request, response)) return
    authenticate(rules, request)
      .then(async (found) => {
        if (!found.ok) {
          const isAsking = found.refusal.error === 'use_dpop_nonce'
          const nonce = isAsking ? { nonce: await nonces.current() } : {}
          return refuseToken(response, { ...found.refusal, ...nonce })
        }
        return answerCaller(request, response, found.caller, orders)
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
