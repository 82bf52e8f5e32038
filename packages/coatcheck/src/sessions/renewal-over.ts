import { encodeBase64url } from '../core/bytes.ts'
import type { Clock } from '../core/clock.ts'
import type { RandomSource } from '../core/random.ts'
import { createCircuitBreaker } from './circuit-breaker.ts'
import type { SessionEvent } from './events.ts'
import type { Notices } from './notices.ts'
import { createRenewal, type Renewal, type RenewFunction } from './renewal.ts'
import type { RenewalPlace } from './renewal-place.ts'
import type { SessionState } from './session.ts'

/** How a site renews. */
export interface RenewalSettings {
  /** Trades a refresh token for new tokens. Default: none, tokens just end. */
  readonly renew?: RenewFunction | undefined
  /** How long before its end an access token is renewed. Default: 30, and never more than half its life. */
  readonly renewBeforeSeconds?: number | undefined
  /** For how long the provider takes a spent refresh token again. Default: 0. */
  readonly refreshReuseGraceSeconds?: number | undefined
  /** What renewal history calls this process. Default: eight random characters. */
  readonly processName?: string | undefined
}

/** What {@link createRenewalOver} needs besides. */
export interface RenewalOverOptions<S extends SessionState> {
  readonly place: RenewalPlace<S>
  readonly notices: Notices
  readonly clock: Clock
  readonly random: RandomSource
  readonly revoke: (refreshToken: string, id: string) => Promise<void>
  readonly onEvent: (event: SessionEvent) => void
}

/** Renewal of the sessions of a place, with a circuit breaker of its own. */
export function createRenewalOver<S extends SessionState>(
  settings: RenewalSettings,
  options: RenewalOverOptions<S>,
): Renewal {
  const { clock, random, onEvent } = options
  const jitter = (): number => (random(1)[0] ?? 0) / 255
  const breaker = createCircuitBreaker({
    clock,
    jitter,
    onPause: (ms) => onEvent({ type: 'renewal.paused', seconds: Math.ceil(ms / 1000) }),
    onResume: () => onEvent({ type: 'renewal.resumed' }),
  })
  return createRenewal({
    ...options,
    breaker,
    jitter,
    processName: settings.processName ?? encodeBase64url(random(6)),
    renewBeforeMs: (settings.renewBeforeSeconds ?? 30) * 1000,
    graceMs: (settings.refreshReuseGraceSeconds ?? 0) * 1000,
    renew: settings.renew,
  })
}
