import { Provider } from 'oidc-provider'
import type { DataFolder } from './data-folder.ts'
import { createInteractionListener, INTERACTION_PATH } from './interaction.ts'
import { type ServerCertificate, startLoopbackServer } from './loopback-server.ts'
import type { DevClient, DevPublicClient } from './provider-clients.ts'
import { providerConfiguration } from './provider-configuration.ts'
import { withClientOrigins } from './provider-cors.ts'
import { providerHeaders } from './provider-pages.ts'
import { readProviderSecrets } from './provider-secrets.ts'
import { openProviderStore } from './provider-store.ts'
import { type TokenHooks, withTokenHooks } from './token-faults.ts'
import { createUsers } from './users.ts'

/** What {@link startDevProvider} takes. */
export interface DevProviderOptions extends TokenHooks {
  /** The origin of the one client: where sign-in and sign-out come back to. */
  readonly clientOrigin: string
  /** Clients beside it, with the same secret. Default: none. */
  readonly furtherClients?: readonly DevClient[]
  /** Clients without a secret, which ask from their own pages. Default: none. */
  readonly publicClients?: readonly DevPublicClient[]
  /** Serves https with it. Default: http. */
  readonly certificate?: ServerCertificate
  /** Keeps keys, client secret, port, grants and sessions. Without it all is gone at the end. */
  readonly folder?: DataFolder
  /** Default: 300. */
  readonly accessTokenSeconds?: number
  /** Default: 14 days. */
  readonly refreshTokenSeconds?: number
  /** `opaque`: only the provider can tell what one is worth, and whether it was revoked. Default: `jwt`. */
  readonly accessTokenFormat?: 'jwt' | 'opaque'
}

/** A real OpenID provider for development and tests. */
export interface DevProvider {
  /** `http://127.0.0.1:PORT`, with a certificate `https://127.0.0.1:PORT`; no slash at the end. */
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  /** What access tokens are made for. */
  readonly apiAudience: string
  close(): Promise<void>
}

/** The audience of the sample API; a name, not an address. */
export const API_AUDIENCE = 'urn:coatcheck:sample-api'

const CLIENT_ID = 'coatcheck-sample'
const DEFAULT_ACCESS_TOKEN_SECONDS = 300
const DEFAULT_REFRESH_TOKEN_SECONDS = 14 * 86_400

/**
 * Starts oidc-provider on 127.0.0.1: for a browser another site than localhost. One confidential client,
 * PKCE, rotating refresh tokens, JWT access tokens, two users with real passwords.
 *
 * Throws `StartError` if the kept port is taken.
 *
 * @example
 * const provider = await startDevProvider({ clientOrigin: 'http://localhost:8080' })
 * provider.issuer // 'http://127.0.0.1:23456'
 */
export async function startDevProvider(options: DevProviderOptions): Promise<DevProvider> {
  const { clientOrigin, certificate, folder, furtherClients = [], publicClients = [] } = options
  const secrets = await readProviderSecrets(folder)
  const users = await createUsers()
  const store = openProviderStore(folder?.file('provider.sqlite'))
  const headers = Object.entries(
    providerHeaders([
      clientOrigin,
      ...[...furtherClients, ...publicClients].map(({ origin }) => origin),
    ]),
  )

  const started = startLoopbackServer({ folder, name: 'provider', certificate }, (issuer) => {
    const provider = new Provider(
      issuer,
      providerConfiguration({
        issuer,
        clientId: CLIENT_ID,
        clientOrigin,
        furtherClients,
        publicClients,
        apiAudience: API_AUDIENCE,
        accessTokenSeconds: options.accessTokenSeconds ?? DEFAULT_ACCESS_TOKEN_SECONDS,
        refreshTokenSeconds: options.refreshTokenSeconds ?? DEFAULT_REFRESH_TOKEN_SECONDS,
        accessTokenFormat: options.accessTokenFormat ?? 'jwt',
        secrets,
        store,
        users,
      }),
    )
    // Without a listener Koa prints stack traces, and those can hold what was sent.
    provider.on('error', () => {})
    provider.on('server_error', () => process.stderr.write('The provider failed inside.\n'))
    const interactions = createInteractionListener({
      provider,
      users,
      clientName: 'the Coatcheck sample',
    })
    const listener = withClientOrigins(withTokenHooks(provider.callback(), options), publicClients)
    return (request, response) => {
      for (const [name, value] of headers) response.setHeader(name, value)
      if (request.url?.startsWith(INTERACTION_PATH)) interactions(request, response)
      else listener(request, response)
    }
  })
  const running = await started.catch((error: unknown) => {
    store.close()
    throw error
  })
  return {
    issuer: running.origin,
    clientId: CLIENT_ID,
    clientSecret: secrets.clientSecret,
    apiAudience: API_AUDIENCE,
    close: async () => {
      await running.close()
      store.close()
    },
  }
}
