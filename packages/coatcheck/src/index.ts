export type { Bytes } from './core/bytes.ts'
export type { Clock } from './core/clock.ts'
export { ERROR_CODES, type ErrorCode } from './core/error-codes.ts'
export { CoatcheckError, type CoatcheckErrorOptions } from './core/errors.ts'
export type { RandomSource } from './core/random.ts'
export type { RequestHead } from './core/request-head.ts'
export { Secret } from './core/secret.ts'
export { allowInsecureHttp } from './core/unsafe.ts'
export { type Counter, createCounter } from './counter/counter.ts'
export type { CounterEvent, CounterOptions } from './counter/options.ts'
export type { Outcome } from './counter/outcome.ts'
export type {
  CounterLimit,
  CounterSessionsOptions,
  SealedCookieSettings,
  TicketSettings,
} from './counter/session-settings.ts'
export type { CorsOptions } from './guard/cors.ts'
export type { LinkOptions } from './guard/links.ts'
export type { HandOffOptions, HandOffPartner } from './login/hand-off-options.ts'
export { createProvider, type Provider, type ProviderOptions } from './provider/provider.ts'
export type { ApiRoute } from './proxy/route.ts'
export type { Session } from './sessions/session.ts'
