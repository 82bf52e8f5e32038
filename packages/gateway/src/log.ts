import type { CounterEvent } from 'coatcheck'
import type { RingEvent } from 'coatcheck/ring'
import { type DestinationStream, type Logger, pino } from 'pino'

const REDACTED = [
  'accessToken',
  'refreshToken',
  'idToken',
  'ticket',
  'cookie',
  'authorization',
  'clientSecret',
  'headers',
]

/** One JSON line an event on standard error, or wherever it is told. */
export function createLog(level: string, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: null,
    redact: { paths: [...REDACTED, ...REDACTED.map((name) => `*.${name}`)], censor: '[redacted]' },
  }
  return destination === undefined ? pino(options, pino.destination(2)) : pino(options, destination)
}

const LEVELS: Readonly<Record<string, 'info' | 'warn' | 'debug'>> = {
  'session.ended': 'info',
  'session.created': 'info',
  'session.renewed': 'debug',
  'session.moved': 'info',
  // Some providers give them to everyone.
  'session.refresh_token_dropped': 'debug',
  'renewal.resumed': 'info',
  'sign_in.started': 'debug',
  'ring.reloaded': 'info',
  'hand_off.given': 'info',
  'hand_off.taken': 'info',
}

/** Writes what a counter or a ring tells: a line for each ended session with its reason, and whatever went wrong. */
export function logEvent(log: Logger, event: CounterEvent | RingEvent): void {
  const { type, ...details } = event
  // Who it was is for audit trails that a person sets up (`counter.on`), not for every log.
  if ('subject' in details) Reflect.deleteProperty(details, 'subject')
  log[LEVELS[type] ?? 'warn'](details, type)
}
