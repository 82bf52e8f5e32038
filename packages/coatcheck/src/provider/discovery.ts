import * as oauth from 'oauth4webapi'
import type { Clock } from '../core/clock.ts'
import type { ErrorCode } from '../core/error-codes.ts'
import { CoatcheckError } from '../core/errors.ts'
import type { Fetch } from './bounded-fetch.ts'

/** How a provider was last seen. */
export interface ProviderHealth {
  readonly ok: boolean
  /** Milliseconds since 1970. */
  readonly checkedAt?: number
  readonly reason?: ErrorCode
}

/** A provider's metadata, fetched when first needed and kept. */
export interface Discovery {
  /** Rejects with `provider_unavailable` or `provider_metadata_invalid`. */
  metadata(): Promise<oauth.AuthorizationServer>
  /** How the provider was last seen; looks again in the background when that is long ago. */
  health(): ProviderHealth
}

/** What {@link createDiscovery} needs. */
export interface DiscoveryOptions {
  readonly issuer: string
  readonly fetch: Fetch
  readonly clock: Clock
  readonly insecure: boolean
  /** Hosts at which endpoints may lie, besides the issuer's own. Default: every public name. */
  readonly endpointHosts?: readonly string[] | undefined
}

const KEPT_MS = 3_600_000
const COOLDOWN_MS = 2000
const HEALTH_MS = 30_000
const RETRY_AFTER_SECONDS = 5

/**
 * Discovery: one fetch in flight, none within two seconds of a failed one, and metadata once seen is used
 * at once, whatever state the provider is in.
 *
 * @see OpenID Connect Discovery, section 4; RFC 8414, section 3.3
 */
export function createDiscovery(options: DiscoveryOptions): Discovery {
  const { clock } = options
  let known: oauth.AuthorizationServer | undefined
  let fetchedAt = Number.NEGATIVE_INFINITY
  let failedAt = Number.NEGATIVE_INFINITY
  let inFlight: Promise<oauth.AuthorizationServer> | undefined
  let health: ProviderHealth = { ok: false, reason: 'provider_unavailable' }

  async function load(): Promise<oauth.AuthorizationServer> {
    try {
      known = await fetchMetadata(options)
      fetchedAt = clock()
      health = { ok: true, checkedAt: fetchedAt }
      return known
    } catch (error) {
      failedAt = clock()
      const reason = error instanceof CoatcheckError ? error.code : 'provider_unavailable'
      health = { ok: false, checkedAt: failedAt, reason }
      throw error
    }
  }

  function refresh(): Promise<oauth.AuthorizationServer> {
    if (inFlight === undefined && clock() - failedAt < COOLDOWN_MS) {
      return Promise.reject(unavailable(health.reason ?? 'provider_unavailable'))
    }
    inFlight ??= load().finally(() => {
      inFlight = undefined
    })
    return inFlight
  }

  const lookAgain = (): void => {
    refresh().catch(() => {
      // What went wrong is in `health`.
    })
  }

  return {
    metadata: async () => {
      if (known === undefined) return refresh()
      if (clock() - fetchedAt >= KEPT_MS) lookAgain()
      return known
    },
    health: () => {
      if (!health.ok || clock() - (health.checkedAt ?? 0) >= HEALTH_MS) lookAgain()
      return health
    },
  }
}

async function fetchMetadata(options: DiscoveryOptions): Promise<oauth.AuthorizationServer> {
  const { insecure } = options
  const issuer = new URL(options.issuer)
  const response = await oauth
    .discoveryRequest(issuer, {
      [oauth.customFetch]: (address, { headers, method }) =>
        options.fetch(address, { headers, method }),
      [oauth.allowInsecureRequests]: insecure,
    })
    .catch(() => {
      throw unavailable('provider_unavailable')
    })
  if (response.status !== 200) throw unavailable('provider_unavailable')
  try {
    const metadata = await oauth.processDiscoveryResponse(issuer, response)
    // Every character counts: a URL that is merely equivalent is another issuer.
    if (metadata.issuer !== options.issuer) throw new TypeError('another issuer')
    return checkEndpoints(metadata, options)
  } catch (error) {
    throw new CoatcheckError('provider_metadata_invalid', {
      cause: error,
      retryAfterSeconds: RETRY_AFTER_SECONDS,
    })
  }
}

// Whoever can change the metadata would have us fetch from within our own network, client secret in hand.
function checkEndpoints(
  metadata: oauth.AuthorizationServer,
  { issuer, insecure, endpointHosts }: DiscoveryOptions,
): oauth.AuthorizationServer {
  const required = [metadata.authorization_endpoint, metadata.token_endpoint, metadata.jwks_uri]
  const optional = [
    metadata.revocation_endpoint,
    metadata.introspection_endpoint,
    metadata.end_session_endpoint,
  ]
  const own = new URL(issuer).hostname
  for (const address of [...required, ...optional.filter((entry) => entry !== undefined)]) {
    const { protocol, username, hostname } = new URL(address ?? '')
    const fine = protocol === 'https:' || (insecure && protocol === 'http:')
    if (!fine || username !== '') throw new TypeError('an endpoint is not an https address')
    const isListed = endpointHosts?.includes(hostname) ?? isPublicName(hostname)
    if (hostname !== own && !isListed)
      throw new TypeError('an endpoint is at a host that is not listed')
  }
  return metadata
}

const INWARD = /^[^.]+$|(?:^|\.)(?:localhost|local|internal|arpa|lan|home|corp|intranet|private)$/

/** A name, no address, and none that means something in a network of one's own. The URL parser has made the spellings one. */
function isPublicName(hostname: string): boolean {
  const isAddress = hostname.startsWith('[') || /^[\d.]+$/.test(hostname)
  return !isAddress && !INWARD.test(hostname.replace(/\.$/, ''))
}

function unavailable(code: ErrorCode): CoatcheckError {
  return new CoatcheckError(code, { retryAfterSeconds: RETRY_AFTER_SECONDS })
}
