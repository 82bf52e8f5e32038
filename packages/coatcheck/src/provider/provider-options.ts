import type { Clock } from '../core/clock.ts'
import { CoatcheckError } from '../core/errors.ts'
import { Secret } from '../core/secret.ts'
import { allowInsecureHttp } from '../core/unsafe.ts'
import type { AsymmetricAlgorithm } from '../tokens/algorithm.ts'
import type { Fetch } from './bounded-fetch.ts'

/** Which provider, and as which client. */
export interface ProviderOptions {
  /** Compared exactly with what the provider says of itself. */
  readonly issuer: string
  readonly clientId: string
  /** A client without a secret is public, and refused: anybody could use its codes. */
  readonly clientSecret: Secret
  /** When set, access tokens are JWTs that are verified for this audience. Default: they are opaque, from our own confidential call. */
  readonly audience?: string
  /**
   * The only hosts, besides the issuer's, at which its metadata may name endpoints: `['oauth2.googleapis.com', 'www.googleapis.com']`.
   * Default: every public name; no address, and nothing in a network of one's own.
   */
  readonly endpointHosts?: readonly string[]
  /** For how long the provider takes a spent refresh token again. Default: 0. */
  readonly refreshReuseGraceSeconds?: number
  /** Default: those of `createVerifier`. */
  readonly idTokenAlgorithms?: readonly AsymmetricAlgorithm[]
  /**
   * How long a token call may take. Default: 15000, which is also the most: a renewal with all around it
   * must end within its lease of 30 s. Below 11000 a provider that drops packets can't be told from one that
   * does not answer, and the refresh token counts as spent.
   */
  readonly timeoutMs?: number
  /** How far clocks may differ. Default: 5. */
  readonly clockToleranceSeconds?: number
  /** Default: the platform's. */
  readonly fetch?: Fetch
  /** Milliseconds since 1970. Default: the machine's clock. */
  readonly clock?: Clock
  /** Allows a provider over plain http: on this machine alone. */
  readonly [allowInsecureHttp]?: boolean
}

/** The most that a token call may take, in milliseconds. */
export const MAX_TIMEOUT_MS = 15_000

/** Throws `invalid_configuration` with all faults at once. */
export function checkProviderOptions(options: ProviderOptions): void {
  const insecure = options[allowInsecureHttp] === true
  const faults: string[] = []
  const url = URL.canParse(options.issuer) ? new URL(options.issuer) : undefined
  const isHttps = url?.protocol === 'https:' || (insecure && url?.protocol === 'http:')
  if (!isHttps || url?.search !== '' || url.hash !== '' || url.username !== '') {
    faults.push('provider.issuer must be an https address without query, fragment and user name')
  }
  if (!isText(options.clientId)) faults.push('provider.clientId must not be empty')
  // From JavaScript, or an empty file: a client without a secret is public (RFC 10017, 6.1.3.1).
  const secret: unknown = options.clientSecret
  if (!(secret instanceof Secret) || !isText(secret.reveal())) {
    faults.push(
      'provider.clientSecret must be a Secret that is not empty: register a confidential client',
    )
  }
  checkNumber(faults, 'timeoutMs', options.timeoutMs, MAX_TIMEOUT_MS)
  checkNumber(faults, 'refreshReuseGraceSeconds', options.refreshReuseGraceSeconds, 3600)
  checkNumber(faults, 'clockToleranceSeconds', options.clockToleranceSeconds, 300)
  if (faults.length > 0) {
    throw new CoatcheckError('invalid_configuration', { detail: `\n- ${faults.join('\n- ')}\n` })
  }
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}

function checkNumber(
  faults: string[],
  name: string,
  value: number | undefined,
  most: number,
): void {
  if (value === undefined || (value >= 0 && value <= most)) return
  faults.push(`provider.${name} must lie between 0 and ${most}`)
}
