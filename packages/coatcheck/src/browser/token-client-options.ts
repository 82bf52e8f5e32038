import { CoatcheckError } from '../core/errors.ts'
import { allowInsecureHttp } from '../core/unsafe.ts'
import { readSafeAddress } from './api-addresses.ts'
import type { DpopKeys } from './dpop-keys.ts'
import type { KeeperSettings } from './token-keeper.ts'
import type { TokenStore } from './token-store.ts'
import type { WorkerStore } from './worker/worker-store.ts'

/** What page and worker both need to know. */
export interface TokenProviderOptions {
  /** The one provider: compared with `iss`, every character. https. */
  readonly issuer: string
  /** A public client: a page keeps no secret. */
  readonly clientId: string
  /** The only addresses that a token is ever sent to: https, each with all paths below it. */
  readonly apis: readonly string[]
  /**
   * Whom access tokens are made for, as their `aud` says: then they must be JWTs, and are verified. Without it they are
   * opaque, and believed for the ID token that comes with them.
   */
  readonly audience?: string
  /**
   * How long the provider takes a refresh token once more that it has rotated already, in seconds. Default: 0, for most
   * answer a second use by ending the whole sign-in.
   */
  readonly refreshReuseGraceSeconds?: number
  /**
   * Whether this page renews. Default: true. False where a page of another origin shares the cookie and does: there is no
   * lock over origins.
   */
  readonly renew?: boolean
  /** Tells apart two clients of one provider at one origin. Default: none. */
  readonly name?: string
  /** Binds the tokens to a key of this browser: `dpopKeys()`. Default: Bearer tokens. */
  readonly dpop?: DpopKeys
  /** Milliseconds since 1970. Default: the machine's clock. */
  readonly clock?: () => number
  /** Allows http: for a provider and APIs on this machine (localhost). For development alone. */
  readonly [allowInsecureHttp]?: boolean
}

/** What {@link createTokenClient} takes. */
export interface TokenClientOptions extends TokenProviderOptions {
  /** Default: `openid`. Most providers give a refresh token for `offline_access`. */
  readonly scope?: string
  /** Where tokens are kept. Default: `memoryStore()`. */
  readonly store?: TokenStore | WorkerStore
  /** Where the provider sends people back to, as it is registered there. Default: `/` at this origin. */
  readonly redirectUri?: string
  /** Where the provider sends people after sign-out. Default: `redirectUri`. */
  readonly signedOutUri?: string
  /** Added to each authorization request: `resource`, or what this provider calls it. Default: none. */
  readonly authorizationParameters?: Readonly<Record<string, string>>
}

const MAX_GRACE_SECONDS = 300

/** Checks what page and worker both need, all faults at once. Throws `invalid_configuration`. */
export function keeperSettings(options: TokenProviderOptions): KeeperSettings {
  const { issuer, clientId, audience, apis, refreshReuseGraceSeconds: grace = 0 } = options
  const insecure = options[allowInsecureHttp] === true
  const isSafe = (address: string): boolean => readSafeAddress(address, insecure) !== undefined
  const faults = [
    ...(isSafe(issuer) ? [] : ['issuer must be https:']),
    ...(clientId ? [] : ['clientId must not be empty']),
    ...(Array.isArray(apis) && apis.every(isSafe) ? [] : ['apis must be https:']),
    ...(grace >= 0 && grace <= MAX_GRACE_SECONDS
      ? []
      : [`refreshReuseGraceSeconds must lie between 0 and ${MAX_GRACE_SECONDS}`]),
  ]
  if (faults.length > 0) {
    throw new CoatcheckError('invalid_configuration', { detail: `${faults.join('; ')}.` })
  }
  const name = `coatcheck:${issuer}:${clientId}${options.name === undefined ? '' : `:${options.name}`}`
  return {
    issuer,
    clientId,
    audience,
    name,
    insecure,
    reuseGraceSeconds: grace,
    renews: options.renew !== false,
  }
}
