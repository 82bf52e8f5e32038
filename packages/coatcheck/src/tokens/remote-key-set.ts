import { importPublicKey } from '#signature'
import { type Clock, systemClock } from '../core/clock.ts'
import { CoatcheckError } from '../core/errors.ts'
import { allowInsecureHttp } from '../core/unsafe.ts'
import { type FetchLike, fetchJson } from './fetch-json.ts'
import type { JwsHeader } from './jws.ts'
import { candidates, importKeys, type KeySet } from './key-set.ts'
import type { VerificationKey } from './signature.ts'

/** Where an issuer's keys are, and how they are kept. */
export interface RemoteKeySetOptions {
  /** Finds the keys by discovery. Either this or `jwksUri`. */
  readonly issuer?: string
  /** Where the keys are. */
  readonly jwksUri?: string
  /** Default: the platform's. */
  readonly fetch?: FetchLike
  /** Default: the machine's clock. */
  readonly clock?: Clock
  /** How long a set is good before it is fetched again. Default: 600. */
  readonly cacheSeconds?: number
  /** How long the last good set is used while the issuer does not answer. Default: 86400. */
  readonly staleSeconds?: number
  /** The shortest time between two fetches, however many unknown `kid`s come. Default: 30. */
  readonly cooldownSeconds?: number
  /** Default: 262144. */
  readonly maxResponseBytes?: number
  /** Default: 5000. */
  readonly timeoutMs?: number
  /** Allows plain http: for an issuer on this machine alone. */
  readonly [allowInsecureHttp]?: boolean
}

const FIRST_COOLDOWN_MS = 5000

/**
 * The keys of an issuer, fetched when they are first needed and kept: one fetch in flight, another one for
 * an unknown `kid` after a cool-down, the last good set while the issuer is down.
 *
 * Throws `invalid_configuration` for an address that is not https.
 *
 * @see RFC 8414; OpenID Connect Discovery, section 4; RFC 7517, section 5
 * @example
 * const jwks = createRemoteKeySet({ issuer: 'https://idp.example' })
 */
export function createRemoteKeySet(options: RemoteKeySetOptions): KeySet {
  const clock = options.clock ?? systemClock
  const cacheMs = (options.cacheSeconds ?? 600) * 1000
  const staleMs = (options.staleSeconds ?? 86_400) * 1000
  const cooldownMs = (options.cooldownSeconds ?? 30) * 1000
  const insecure = options[allowInsecureHttp] === true
  checkAddress(options, insecure)
  let jwksUri = options.jwksUri
  let keys: readonly VerificationKey[] = []
  let current: ReadonlySet<VerificationKey> = new Set()
  let fetchedAt = Number.NEGATIVE_INFINITY
  let triedAt = Number.NEGATIVE_INFINITY
  let inFlight: Promise<void> | undefined

  const getJson = (address: string): Promise<unknown> => {
    return fetchJson(address, {
      fetch: options.fetch,
      maxResponseBytes: options.maxResponseBytes ?? 262_144,
      timeoutMs: options.timeoutMs ?? 5000,
    })
  }

  async function discover(): Promise<string> {
    const issuer = options.issuer ?? ''
    const metadata = await getJson(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`)
    const { issuer: named, jwks_uri: uri } = (metadata ?? {}) as Record<string, unknown>
    if (named !== issuer || typeof uri !== 'string' || !isAllowed(uri, insecure)) {
      throw new CoatcheckError('key_set_invalid', {
        detail: 'The metadata names another issuer, or no acceptable jwks_uri.',
      })
    }
    return uri
  }

  async function load(): Promise<void> {
    triedAt = clock()
    try {
      jwksUri ??= await discover()
      // Keys that were there before stay the same object: what they verified is remembered by them.
      const former = new Map(keys.map((key) => [JSON.stringify(key.jwk), key]))
      const fresh = importKeys(
        await getJson(jwksUri),
        (jwk) => former.get(JSON.stringify(jwk)) ?? importPublicKey(jwk),
      )
      if (fresh.length === 0) throw new CoatcheckError('key_set_invalid')
      keys = fresh
      current = new Set(fresh)
      fetchedAt = clock()
    } catch (error) {
      // The issuer may have moved its keys: the next try asks discovery again.
      jwksUri = options.jwksUri
      throw error
    }
  }

  function refresh(): Promise<void> {
    inFlight ??= load().finally(() => {
      inFlight = undefined
    })
    return inFlight
  }

  const isCool = (): boolean => {
    // Without any key nothing can be verified: then it is asked for sooner.
    return (
      clock() - triedAt >=
      (keys.length === 0 ? Math.min(cooldownMs, FIRST_COOLDOWN_MS) : cooldownMs)
    )
  }
  const isFresh = (): boolean => clock() - fetchedAt < cacheMs
  const isUsable = (): boolean => clock() - fetchedAt < cacheMs + staleMs

  async function findFresh(header: JwsHeader): Promise<readonly VerificationKey[]> {
    let failure: unknown
    if (inFlight !== undefined || isCool()) {
      await refresh().catch((error: unknown) => {
        failure = error
      })
    }
    if (!isUsable()) throw unavailable(failure, (triedAt + FIRST_COOLDOWN_MS - clock()) / 1000)
    return candidates(keys, header)
  }

  return {
    // Past its time a set vouches for nothing until it was asked for again, or a remembered token would
    // outlive the key that was withdrawn.
    has: (key) => current.has(key) && isUsable() && (isFresh() || !isCool()),
    find: (header) => {
      if (!isFresh()) return findFresh(header)
      const found = candidates(keys, header)
      // An unknown kid may be a new key: one look after the cool-down, whoever sends it.
      return found.length === 0 && isCool() ? findFresh(header) : found
    },
  }
}

function unavailable(cause: unknown, waitSeconds: number): CoatcheckError {
  return new CoatcheckError('key_set_unavailable', {
    retryAfterSeconds: Math.max(1, Math.ceil(waitSeconds)),
    ...(cause === undefined ? {} : { cause }),
  })
}

function checkAddress({ issuer, jwksUri }: RemoteKeySetOptions, insecure: boolean): void {
  const address = jwksUri ?? issuer
  if (address === undefined || !isAllowed(address, insecure)) {
    throw new CoatcheckError('invalid_configuration', {
      detail: 'createRemoteKeySet needs issuer or jwksUri, an https address.',
    })
  }
}

function isAllowed(address: string, insecure: boolean): boolean {
  try {
    const { protocol, username } = new URL(address)
    return username === '' && (protocol === 'https:' || (insecure && protocol === 'http:'))
  } catch {
    return false
  }
}
