import { describe, expect, it } from 'vitest'
import { cookieJar } from '../../../../test/support/cookie-jar.ts'
import { rotatingProvider } from '../../../../test/support/rotating-provider.ts'
import {
  BINDING,
  manualClock,
  newRing,
  tokenSet,
} from '../../../../test/support/session-fixture.ts'
import { systemRandom } from '../core/random.ts'
import type { BrowserSessions } from './browser-sessions.ts'
import type { SessionEvent } from './events.ts'
import { createSealedSessions } from './sealed-sessions.ts'

const DUE_MS = 280_000

function site() {
  const { clock, pass } = manualClock()
  const provider = rotatingProvider(clock)
  const events: SessionEvent[] = []
  const revoked: string[] = []
  const ring = newRing()
  const start = (): BrowserSessions =>
    createSealedSessions({
      ...BINDING,
      ring,
      name: 'id',
      attributes: { secure: true, httpOnly: true, sameSite: 'Strict', path: '/' },
      refreshTokens: 'single-process',
      clock,
      random: systemRandom,
      renew: provider.renew,
      revoke: async (token) => void revoked.push(token),
      onEvent: (event) => events.push(event),
    })
  return { clock, pass, provider, events, revoked, start }
}

let signIns = 0
async function signedIn(sessions: BrowserSessions) {
  const page = cookieJar()
  signIns += 1
  const set = tokenSet({ refreshToken: `refresh of sign-in ${signIns}` })
  const { setCookies, session } = await sessions.create({ tokenSet: set }, undefined)
  page.set(setCookies)
  return { page, session }
}

/** An API call: the access token that goes upstream, or why none does, and what the answer sets. */
async function call(sessions: BrowserSessions, header: string) {
  const reading = await sessions.read(header)
  if (!reading.ok) return { token: reading.reason, setCookies: [] }
  const touched = await sessions.touch(reading.session)
  if (touched === undefined) return { token: 'ended', setCookies: [] }
  const access = await sessions.accessToken(touched)
  if (!access.ok) return { token: access.reason, setCookies: [] }
  return { token: access.accessToken, setCookies: sessions.setCookies(access.session) }
}

describe('createSealedSessions with refresh tokens, in one process', () => {
  it('T-SEAL-05 asks for tokens once for twenty parallel calls, and all set the same', async () => {
    const { start, pass, provider } = site()
    const sessions = start()
    const { page } = await signedIn(sessions)
    pass(DUE_MS)
    const calls = await Promise.all(Array.from({ length: 20 }, () => call(sessions, page.header())))
    expect(provider.asked).toHaveLength(1)
    expect(new Set(calls.map(({ token }) => token))).toEqual(new Set(['access-1']))
    expect(new Set(calls.map(({ setCookies }) => setCookies.join())).size).toBe(1)
    page.set(calls[0]?.setCookies ?? [])
    expect(await call(sessions, page.header())).toEqual({ token: 'access-1', setCookies: [] })
  })

  it('T-SEAL-05 gives the successor to whoever never got it, and to requests that were queued', async () => {
    const { start, pass, provider } = site()
    const sessions = start()
    const { page } = await signedIn(sessions)
    const old = page.header()
    pass(DUE_MS)
    await call(sessions, old)
    pass(60_000)
    // The answer was lost: the browser has the old one still.
    const again = await call(sessions, old)
    expect(again.token).toBe('access-1')
    page.set(again.setCookies)
    expect((await call(sessions, page.header())).token).toBe('access-1')
    pass(100_000)
    // Sent before the new one was used, and arrived after it.
    expect((await call(sessions, old)).token).toBe('access-1')
    expect(provider.asked).toHaveLength(1)
  })

  it('T-SEAL-05 never sends a spent refresh token again, however late an old cookie comes', async () => {
    const { start, pass, provider } = site()
    const sessions = start()
    const { page } = await signedIn(sessions)
    const old = page.header()
    for (let renewals = 0; renewals < 4; renewals += 1) {
      pass(DUE_MS)
      page.set((await call(sessions, page.header())).setCookies)
      await call(sessions, page.header())
    }
    pass(130_000)
    // Somebody else's renewal lets what was seen long ago go.
    const { page: other } = await signedIn(sessions)
    pass(DUE_MS)
    await call(sessions, other.header())
    expect((await call(sessions, old)).token).toBe('access_token_expired')
    page.set((await call(sessions, page.header())).setCookies)
    expect(new Set(provider.asked).size).toBe(provider.asked.length)
  })

  it('T-RENEW-01 renews again with the newest, request by request', async () => {
    const { start, pass, provider } = site()
    const sessions = start()
    const { page } = await signedIn(sessions)
    for (let renewals = 1; renewals <= 5; renewals += 1) {
      pass(DUE_MS)
      const { token, setCookies } = await call(sessions, page.header())
      expect(token).toBe(`access-${renewals}`)
      page.set(setCookies)
    }
    expect(provider.asked.slice(1)).toEqual(['refresh-1', 'refresh-2', 'refresh-3', 'refresh-4'])
  })

  it('T-RENEW-04 an outage signs nobody out: the old token, then 503, then the new one', async () => {
    const { start, pass, provider } = site()
    const sessions = start()
    const { page } = await signedIn(sessions)
    pass(DUE_MS)
    provider.answers.push({ kind: 'not_spent', why: 'status_503' })
    const during = await call(sessions, page.header())
    expect(during.token).toBe(tokenSet().accessToken)
    pass(20_001)
    provider.answers.push({ kind: 'not_spent', why: 'status_503' })
    expect((await call(sessions, page.header())).token).toBe('renewal_unavailable')
    pass(60_000)
    expect((await call(sessions, page.header())).token).toBe('access-1')
  })

  it('a renewal in flight revives nothing that was signed out, and its new token is revoked', async () => {
    const { start, pass, provider, revoked } = site()
    const sessions = start()
    const { page } = await signedIn(sessions)
    pass(DUE_MS)
    const open = provider.hold()
    const running = call(sessions, page.header())
    await new Promise((resolve) => setTimeout(resolve, 5))
    const reading = await sessions.read(page.header())
    if (!reading.ok) throw new Error(reading.reason)
    await sessions.end(reading.session, 'signed_out', { revoke: true })
    open()
    expect((await running).token).toBe('signed_out')
    expect(revoked).toContain('refresh-1')
    expect((await call(sessions, page.header())).token).toBe('ended')
  })

  it('ends what the provider refuses, and says why', async () => {
    const { start, pass, provider, events } = site()
    const sessions = start()
    const { page } = await signedIn(sessions)
    pass(DUE_MS)
    provider.answers.push({ kind: 'refused', why: 'invalid_grant' })
    expect((await call(sessions, page.header())).token).toBe('signed_out')
    expect((await call(sessions, page.header())).token).toBe('ended')
    expect(events.at(-1)).toMatchObject({
      type: 'session.ended',
      reason: 'renewal_refused',
      renewals: [{ outcome: 'refused', why: 'invalid_grant' }],
    })
  })

  it('keeps a session whose token was lost as one without refresh token, in its cookie too', async () => {
    const { start, pass, provider } = site()
    const sessions = start()
    const { page } = await signedIn(sessions)
    pass(DUE_MS)
    provider.answers.push({ kind: 'lost', why: 'no_answer' })
    const { token, setCookies } = await call(sessions, page.header())
    expect(token).toBe(tokenSet().accessToken)
    page.set(setCookies)
    pass(20_001)
    // Another process, as after a restart, has the cookie's word alone.
    expect((await call(start(), page.header())).token).toBe('access_token_expired')
    expect(provider.asked).toHaveLength(1)
  })
})
