import { encodeBase64url } from '../../packages/coatcheck/src/core/bytes.ts'
import { systemRandom } from '../../packages/coatcheck/src/core/random.ts'
import type { BrowserSessions } from '../../packages/coatcheck/src/sessions/browser-sessions.ts'
import type { SessionEvent } from '../../packages/coatcheck/src/sessions/events.ts'
import {
  createSealedSessions,
  type SealedSessionsOptions,
} from '../../packages/coatcheck/src/sessions/sealed-sessions.ts'
import { createSessions } from '../../packages/coatcheck/src/sessions/sessions.ts'
import { memoryStore } from '../../packages/coatcheck/src/sessions/stores/memory.ts'
import { createTicketSessions } from '../../packages/coatcheck/src/sessions/ticket-sessions.ts'
import { cookieJar } from './cookie-jar.ts'
import { rotatingProvider } from './rotating-provider.ts'
import { BINDING, manualClock, newRing, tokenSet } from './session-fixture.ts'

export const NAME = '__Host-Http-coatcheck'
export const IDLE_MS = 1_800_000
export const DUE_MS = 280_000

/** Sealed sessions over a clock and a provider that can be told what to do. */
export function sealedSite() {
  const { clock, pass } = manualClock()
  const provider = rotatingProvider(clock)
  const events: SessionEvent[] = []
  const ring = newRing()
  const attributes = { secure: true, httpOnly: true, sameSite: 'Strict', path: '/' } as const
  const start = (changes: Partial<SealedSessionsOptions> = {}): BrowserSessions =>
    createSealedSessions({
      ...BINDING,
      ring,
      name: NAME,
      attributes,
      clock,
      random: systemRandom,
      renew: provider.renew,
      revoke: async () => {},
      onEvent: (event) => events.push(event),
      ...changes,
    })
  const store = memoryStore({ clock })
  const tickets = (random = systemRandom) =>
    createTicketSessions({
      sessions: createSessions({ ...BINDING, ring, store, clock, random }),
      name: NAME,
      attributes,
    })
  return { clock, pass, provider, events, ring, start, store, tickets }
}
export const single = { refreshTokens: 'single-process' } as const
export const chunky = () => tokenSet({ idToken: encodeBase64url(systemRandom(4000)) })
export const crowd = (header: string, bytes = 5000) => `${header}; other=${'x'.repeat(bytes)}`

let signIns = 0
export async function signedIn(
  sessions: BrowserSessions,
  changes: Parameters<typeof tokenSet>[0] = {},
) {
  const page = cookieJar()
  signIns += 1
  const set = tokenSet({ refreshToken: `refresh of sign-in ${signIns}`, ...changes })
  const { setCookies, session } = await sessions.create({ tokenSet: set }, undefined)
  page.set(setCookies)
  return { page, session }
}
export async function found(sessions: BrowserSessions, header: string) {
  const reading = await sessions.read(header)
  if (!reading.ok) throw new Error(reading.reason)
  return reading.session
}
export async function visit(sessions: BrowserSessions, header: string) {
  const touched = await sessions.touch(await found(sessions, header))
  if (touched === undefined) throw new Error('ended')
  return sessions.setCookies(touched)
}
export async function call(sessions: BrowserSessions, header: string) {
  const reading = await sessions.read(header)
  if (!reading.ok) return { token: reading.reason, setCookies: [] as readonly string[] }
  const touched = await sessions.touch(reading.session)
  if (touched === undefined) return { token: 'ended', setCookies: [] as readonly string[] }
  const access = await sessions.accessToken(touched)
  if (!access.ok) return { token: access.reason, setCookies: [] as readonly string[] }
  return { token: access.accessToken, setCookies: sessions.setCookies(access.session) }
}
export const pause = (ms = 5) => new Promise((resolve) => setTimeout(resolve, ms))
