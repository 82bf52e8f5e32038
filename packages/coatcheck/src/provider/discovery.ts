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
  health(): ProviderHealth
}

/** What {@link createDiscovery} needs. */
export interface DiscoveryOptions {
  readonly issuer: string
  readonly fetch: Fetch
  readonly clock: Clock
  readonly insecure: boolean
}

const KEPT_MS = 3_600_000
const COOLDOWN_MS = 2000

/**
 * Discovery: one fetch in flight, none within two seconds of a failed one, and metadata once seen is used
 * while the provider is down.
 *
 * @see OpenID Connect Discovery, section 4; RFC 8414, section 3.3
 */
export function createDiscovery(options: DiscoveryOptions): Discovery {
  const { clock, insecure } = options
  let known: oauth.AuthorizationServer | undefined
  let fetchedAt = Number.NEGATIVE_INFINITY
  let failedAt = Number.NEGATIVE_INFINITY
  let inFlight: Promise<oauth.AuthorizationServer> | undefined
  let health: ProviderHealth = { ok: false, reason: 'provider_unavailable' }

  async function load(): Promise<oauth.AuthorizationServer> {
    const issuer = new URL(options.issuer)
    const response = await oauth
      .discoveryRequest(issuer, {
        [oauth.customFetch]: options.fetch,
        [oauth.allowInsecureRequests]: insecure,
      })
      .catch(() => {
        throw new CoatcheckError('provider_unavailable', { retryAfterSeconds: 5 })
      })
    if (response.status !== 200)
      throw new CoatcheckError('provider_unavailable', { retryAfterSeconds: 5 })
    try {
      return checkEndpoints(await oauth.processDiscoveryResponse(issuer, response), insecure)
    } catch (error) {
      throw new CoatcheckError('provider_metadata_invalid', { cause: error })
    }
  }

  async function refresh(): Promise<oauth.AuthorizationServer> {
    try {
      known = await load()
      fetchedAt = clock()
      health = { ok: true, checkedAt: fetchedAt }
      return known
    } catch (error) {
      failedAt = clock()
      const reason = error instanceof CoatcheckError ? error.code : 'provider_unavailable'
      health = { ok: false, checkedAt: failedAt, reason }
      if (known !== undefined) return known
      throw error
    }
  }

  async function metadata(): Promise<oauth.AuthorizationServer> {
    if (known !== undefined && clock() - fetchedAt < KEPT_MS) return known
    if (inFlight !== undefined) return inFlight
    if (clock() - failedAt < COOLDOWN_MS) {
      if (known !== undefined) return known
      throw new CoatcheckError(health.reason ?? 'provider_unavailable', { retryAfterSeconds: 5 })
    }
    inFlight = refresh().finally(() => {
      inFlight = undefined
    })
    return inFlight
  }

  return {
    metadata,
    health: () => {
      // A provider that was down is asked again by whoever wants to know.
      if (!health.ok) metadata().catch(() => {})
      return health
    },
  }
}

function checkEndpoints(
  metadata: oauth.AuthorizationServer,
  insecure: boolean,
): oauth.AuthorizationServer {
  const required = [metadata.authorization_endpoint, metadata.token_endpoint, metadata.jwks_uri]
  const optional = [metadata.revocation_endpoint, metadata.end_session_endpoint]
  for (const address of [...required, ...optional.filter((entry) => entry !== undefined)]) {
    const { protocol, username } = new URL(address ?? '')
    const fine = protocol === 'https:' || (insecure && protocol === 'http:')
    if (!fine || username !== '') throw new TypeError('an endpoint is not an https address')
  }
  return metadata
}
