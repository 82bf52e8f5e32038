import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { keyPair, makeToken, publicJwk } from '../../lab/hostile-tokens/signer.mjs'
import { CoatcheckError } from '../../packages/coatcheck/src/core/errors.ts'
import { Secret } from '../../packages/coatcheck/src/core/secret.ts'
import { allowInsecureHttp } from '../../packages/coatcheck/src/core/unsafe.ts'
import {
  createProvider,
  type Provider,
  type ProviderOptions,
} from '../../packages/coatcheck/src/provider/provider.ts'
import type { VerifiedTokenSet } from '../../packages/coatcheck/src/tokens/verified-token-set.ts'

/** What one of the hostile provider's addresses does. */
export type Handler = (
  request: IncomingMessage,
  response: ServerResponse,
  body: URLSearchParams,
) => void

/** A call that reached it. */
export interface Call {
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: URLSearchParams
}

/** A provider written by hand, because no real one misbehaves on demand. */
export interface HostileProvider {
  readonly issuer: string
  metadata: Record<string, unknown>
  nowMs: number
  calls: Call[]
  onToken: Handler
  onRevoke: Handler
  onKeys: Handler
  onDiscovery: Handler
  /** The paths that were asked for. */
  paths(): readonly string[]
  /** A client of it. */
  client(extra?: Partial<ProviderOptions>): Provider
  /** An ID token with some claims changed; `undefined` leaves one out. */
  idToken(changes?: Record<string, unknown>, signer?: typeof key): string
  /** A JWT of this provider with exactly these claims. */
  sign(claims: Record<string, unknown>, typ: string): string
  /** What its token endpoint says. */
  answer(changes?: Record<string, unknown>): Record<string, unknown>
  /** Parameters of a callback. */
  callback(changes?: Record<string, string>): URLSearchParams
  close(): Promise<void>
}

/** The time at which it starts; milliseconds since 1970. */
export const START_MS = 1_800_000_000_000

/** A word of the provider's that must not appear in anything of ours. */
export const CANARY = 'canary-of-the-provider'

/** A key that is not the provider's. */
export const attackerKey = keyPair('RSA')

const key = keyPair('RSA')

/** Answers with JSON. */
export function json(
  response: ServerResponse,
  status: number,
  value: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify(value))
}

/** Starts one; it behaves until it is told otherwise. */
export async function startHostileProvider(): Promise<HostileProvider> {
  const server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const path = request.url ?? ''
      const body = new URLSearchParams(Buffer.concat(parts).toString())
      hostile.calls.push({ path, headers: request.headers, body })
      const handlers: Record<string, Handler> = {
        '/.well-known/openid-configuration': hostile.onDiscovery,
        '/token': hostile.onToken,
        '/keys': hostile.onKeys,
        '/revoke': hostile.onRevoke,
      }
      handlers[path]?.(request, response, body)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const issuer = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
  const hostile: HostileProvider = {
    issuer,
    nowMs: START_MS,
    calls: [],
    metadata: {
      issuer,
      authorization_endpoint: `${issuer}/authorize?tenant=1`,
      token_endpoint: `${issuer}/token`,
      jwks_uri: `${issuer}/keys`,
      revocation_endpoint: `${issuer}/revoke`,
      end_session_endpoint: `${issuer}/end`,
      authorization_response_iss_parameter_supported: true,
    },
    onToken: (_, response) => json(response, 200, hostile.answer()),
    onRevoke: (_, response) => void response.writeHead(200).end(),
    onKeys: (_, response) =>
      json(response, 200, { keys: [publicJwk(key, { kid: 'one', alg: 'RS256' })] }),
    onDiscovery: (_, response) => json(response, 200, hostile.metadata),
    paths: () => hostile.calls.map(({ path }) => path),
    client: (extra = {}) =>
      createProvider({
        issuer,
        clientId: 'app',
        clientSecret: new Secret('s e+cret'),
        clock: () => hostile.nowMs,
        timeoutMs: 3000,
        [allowInsecureHttp]: true,
        ...extra,
      }),
    sign: (claims, typ) => makeToken({ alg: 'RS256', kid: 'one', typ }, claims, key.privateKey),
    idToken: (changes = {}, signer = key) => {
      const now = hostile.nowMs / 1000
      const claims = { iss: issuer, sub: 'ann', aud: 'app', iat: now, exp: now + 300, nonce: 'n' }
      return makeToken({ alg: 'RS256', kid: 'one' }, { ...claims, ...changes }, signer.privateKey)
    },
    answer: (changes = {}) => ({
      access_token: 'access-1',
      token_type: 'Bearer',
      expires_in: 300,
      refresh_token: 'refresh-1',
      id_token: hostile.idToken(),
      scope: 'openid',
      ...changes,
    }),
    callback: (changes = {}) =>
      new URLSearchParams({ code: 'code-1', state: 's', iss: issuer, ...changes }),
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return hostile
}

/** Trades a code as a sign-in does. */
export function exchange(provider: Provider, callback: URLSearchParams): Promise<VerifiedTokenSet> {
  return provider.exchangeCode({
    callback,
    redirectUri: 'https://app.example/auth/callback',
    state: 's',
    nonce: 'n',
    codeVerifier: 'v'.repeat(43),
  })
}

/** The error that a promise rejects with: one of ours, without a word of the provider's. */
export async function caught(promise: Promise<unknown>): Promise<CoatcheckError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!(error instanceof CoatcheckError)) throw new Error(`not refused by us: ${error}`)
  const { message, stack, cause } = error
  const text = `${message} ${stack} ${JSON.stringify(error)} ${JSON.stringify(cause)}`
  if (text.includes(CANARY)) throw new Error('the error holds what the provider said')
  return error
}

/** The code of that error. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  return (await caught(promise)).code
}
