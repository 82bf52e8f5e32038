import type { SessionCookie } from '../cookies/session-cookie.ts'
import type { Clock } from '../core/clock.ts'
import type { RandomSource } from '../core/random.ts'
import type { BrowserSessions } from '../sessions/browser-sessions.ts'
import type { SessionEvent } from '../sessions/events.ts'
import { createLifetimes } from '../sessions/lifetimes.ts'
import type { TokenKind } from '../sessions/sealed-endings.ts'
import { createSealedSessions, type SealedSessionsOptions } from '../sessions/sealed-sessions.ts'
import type { SessionStore } from '../sessions/session-store.ts'
import { createSessions, type EndedListener } from '../sessions/sessions.ts'
import { createTicketSessions, type TicketSessions } from '../sessions/ticket-sessions.ts'
import type { CounterOptions } from './options.ts'
import { overflowOf } from './session-settings.ts'

/** What {@link createBrowserSessions} needs besides the options of a counter. */
export interface SessionKindContext {
  /** Guarded; in memory where none is given. */
  readonly store: SessionStore
  readonly cookie: SessionCookie
  readonly clock: Clock
  readonly random: RandomSource
  readonly onEvent: (event: SessionEvent) => void
  /** Is told of each session that this process ends, by its whole id. Default: nobody. */
  readonly onEnded?: EndedListener | undefined
}

type Shared = Pick<
  SealedSessionsOptions,
  | 'site'
  | 'issuer'
  | 'clientId'
  | 'ring'
  | 'clock'
  | 'random'
  | 'onEvent'
  | 'refreshReuseGraceSeconds'
  | 'renew'
> & { readonly revoke: (token: string, kind?: TokenKind) => Promise<void> }

/** The sessions of a counter, of the kind that is configured. */
export function createBrowserSessions(
  { origin, provider, ring, sessions: settings, cookie }: CounterOptions,
  { store, cookie: { names, attributes }, clock, random, onEvent, onEnded }: SessionKindContext,
): BrowserSessions {
  const name = names.ticket
  const { remembered } = createLifetimes(settings)
  // As long as the session may last: the server ends it earlier if it is not used.
  const rememberSeconds =
    remembered === undefined ? undefined : Math.floor(remembered.absoluteMs / 1000)
  const { issuer, clientId, refreshReuseGraceSeconds } = provider
  const shared: Shared = {
    ...{ site: origin, issuer, clientId, ring, clock, random, onEvent, refreshReuseGraceSeconds },
    renew: (renewal) => provider.renew(renewal),
    revoke: (token, kind) => provider.revoke(token, kind),
  }

  function tickets(): TicketSessions {
    const { storeTimeoutSeconds: _, ...lifetimes } = settings
    const sessions = createSessions({ ...lifetimes, ...shared, store, onEnded })
    return createTicketSessions({ sessions, name, attributes, rememberSeconds })
  }

  if (settings.kind !== 'sealed-cookie') return tickets()
  return createSealedSessions({
    ...settings,
    ...shared,
    ...{ name, attributes, rememberSeconds },
    budgetBytes: cookie?.headerBudgetBytes,
    tickets: overflowOf(settings) === 'store' ? tickets() : undefined,
  })
}
