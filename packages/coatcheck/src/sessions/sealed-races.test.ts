import { describe, expect, it } from 'vitest'
import { cookieJar } from '../../../../test/support/cookie-jar.ts'
import {
  call,
  DUE_MS,
  found,
  pause,
  sealedSite,
  signedIn,
  single,
  visit,
} from '../../../../test/support/sealed-site.ts'
import { tokenSet } from '../../../../test/support/session-fixture.ts'
import { encodeBase64url } from '../core/bytes.ts'
import { systemRandom } from '../core/random.ts'

describe('createSealedSessions, renewed at bad moments', () => {
  it('T-RENEW-04 a cookie set while the provider was asked does not cost a refresh token that was never spent', async () => {
    const { start, pass, provider } = sealedSite()
    const sessions = start(single)
    const { page } = await signedIn(sessions)
    const { page: other } = await signedIn(sessions, {
      accessTokenExpiresAt: 1_700_000_000_000 + 430_000,
    })
    pass(DUE_MS + 21_000) // the access token is over
    provider.answers.push({ kind: 'not_spent', why: 'status_503' })
    const open = provider.hold()
    const running = call(sessions, page.header())
    await pause()
    page.set(await visit(sessions, page.header())) // a page beside it
    open()
    expect((await running).token).toBe('renewal_unavailable')
    await visit(sessions, page.header())
    pass(125_000) // coffee; somebody else renews
    await call(sessions, other.header())
    expect((await call(sessions, page.header())).token).toMatch(/^access-/)
  })

  it('T-SEAL-05 never sends a spent token again: a clock that was ahead for a while', async () => {
    const { start, pass, provider } = sealedSite()
    const sessions = start(single)
    const { page } = await signedIn(sessions)
    const { page: other } = await signedIn(sessions, {
      accessTokenExpiresAt: 1_700_000_000_000 + 480_000,
    })
    pass(600_000) // the clock jumps ahead, a page is visited, the clock comes back
    page.set(await visit(sessions, page.header()))
    const old = page.header()
    pass(-600_000 + DUE_MS)
    page.set((await call(sessions, old)).setCookies)
    expect((await call(sessions, page.header())).token).toBe('access-1')
    pass(180_000)
    await call(sessions, other.header()) // lets go what was seen long ago
    await call(sessions, old)
    expect(provider.asked.filter((each, index) => provider.asked.indexOf(each) !== index)).toEqual(
      [],
    )
  })

  it('T-SEAL-05 never sends a spent token again: read, renewed, touched', async () => {
    const { start, pass, provider } = sealedSite()
    const sessions = start(single)
    const { page } = await signedIn(sessions)
    const { page: other } = await signedIn(sessions, {
      accessTokenExpiresAt: 1_700_000_000_000 + 480_000,
    })
    pass(DUE_MS)
    const session = await found(sessions, page.header())
    const successor = (await call(sessions, page.header())).setCookies
    const late = cookieJar()
    const touched = await sessions.touch(session)
    late.set(touched === undefined ? [] : sessions.setCookies(touched))
    page.set(successor)
    expect((await call(sessions, page.header())).token).toBe('access-1')
    pass(180_000)
    await call(sessions, other.header())
    await call(sessions, late.header())
    expect(provider.asked.filter((each, index) => provider.asked.indexOf(each) !== index)).toEqual(
      [],
    )
  })

  it('a session that did not fit once is set again when it does', async () => {
    const { start, pass, provider, clock } = sealedSite()
    const sessions = start(single)
    const { page } = await signedIn(sessions)
    pass(DUE_MS)
    provider.answers.push({
      kind: 'renewed',
      tokenSet: tokenSet({
        accessToken: encodeBase64url(systemRandom(9000)),
        accessTokenKind: 'opaque',
        refreshToken: 'r-big',
        accessTokenReceivedAt: clock(),
        accessTokenExpiresAt: clock() + 300_000,
      }),
    })
    expect((await call(sessions, page.header())).setCookies).toEqual([])
    pass(DUE_MS + 15_000)
    const again = await call(sessions, page.header())
    expect(again.token).toBe('access-1')
    expect(again.setCookies).toHaveLength(1)
  })

  it('an answer sets the tokens that it just renewed, not those of the renewal before', async () => {
    const { start, pass } = sealedSite()
    const sessions = start({ ...single, idleSeconds: 1_209_600, absoluteSeconds: 2_592_000 })
    const { page } = await signedIn(sessions)
    const { page: other } = await signedIn(sessions, {
      accessTokenExpiresAt: 1_700_000_000_000 + 470_000,
    })
    const old = page.header()
    pass(DUE_MS)
    page.set((await call(sessions, old)).setCookies)
    await call(sessions, page.header())
    pass(170_000)
    await call(sessions, other.header())
    pass(DUE_MS - 170_000)
    const now = await call(sessions, page.header())
    expect(now.token).toBe('access-3')
    page.set(now.setCookies)
    const late = await call(sessions, old) // a request that was queued, or a lost answer
    expect(late.token).toBe('access-3')
    const jar = cookieJar()
    jar.set(late.setCookies)
    const restarted = await call(start(single), jar.header())
    expect(restarted.token).toBe('access-3')
  })

  it('T-RENEW-04 takes a renewal that spent nothing for nothing else', async () => {
    const { start, pass, provider, events } = sealedSite()
    const sessions = start(single)
    const { page } = await signedIn(sessions)
    const { page: other } = await signedIn(sessions, {
      accessTokenExpiresAt: 1_700_000_000_000 + 430_000,
    })
    pass(DUE_MS + 21_000)
    provider.answers.push({ kind: 'not_spent', why: 'status_503' })
    const open = provider.hold()
    const running = call(sessions, page.header())
    await pause()
    page.set(await visit(sessions, page.header()))
    open()
    await running
    await visit(sessions, page.header())
    pass(125_000)
    await call(sessions, other.header())
    await call(sessions, page.header())
    expect(
      events.filter((e) => e.type === 'session.renewal_failed').map((e) => 'why' in e && e.why),
    ).toEqual(['status_503'])
  })

  it('a random source that fails after a renewal loses nothing', async () => {
    const { start, pass, provider } = sealedSite()
    let fails = false
    const sessions = start({
      ...single,
      random: (n) => {
        if (fails) throw new Error('no entropy')
        return systemRandom(n)
      },
    })
    const { page } = await signedIn(sessions)
    pass(DUE_MS)
    const session = await found(sessions, page.header())
    fails = true
    // Nonces are drawn ahead: it may get through all the same.
    await Promise.allSettled([(async () => sessions.accessToken(session))()])
    fails = false
    expect((await call(sessions, page.header())).token).toBe('access-1')
    expect(provider.asked).toHaveLength(1)
  })

  it('T-SEAL-05 old and newer cookie of one session at once, and twenty of each: one request', async () => {
    const { start, pass, provider } = sealedSite()
    const sessions = start(single)
    const { page } = await signedIn(sessions)
    const old = page.header()
    pass(200_000)
    page.set(await visit(sessions, old))
    pass(DUE_MS - 200_000)
    const open = provider.hold()
    const calls = Array.from({ length: 40 }, (_, n) => call(sessions, n % 2 ? old : page.header()))
    await pause()
    open()
    expect(new Set((await Promise.all(calls)).map(({ token }) => token))).toEqual(
      new Set(['access-1']),
    )
    expect(provider.asked).toHaveLength(1)
  })

  it('T-SEAL-05 sign-out while a renewal is under way, from another cookie of the session; nothing opens, the new token is revoked', async () => {
    const { start, pass, provider } = sealedSite()
    const revoked: string[] = []
    const sessions = start({ ...single, revoke: async (token) => void revoked.push(token) })
    const { page } = await signedIn(sessions)
    const old = page.header()
    pass(200_000)
    page.set(await visit(sessions, old))
    pass(DUE_MS - 200_000)
    const open = provider.hold()
    const running = call(sessions, page.header())
    await pause()
    await sessions.end(await found(sessions, old), 'signed_out', { revoke: true })
    open()
    expect((await running).token).toBe('signed_out')
    expect(revoked).toContain('refresh-1')
    expect((await sessions.read(page.header())).ok || (await sessions.read(old)).ok).toBe(false)
  })
})
