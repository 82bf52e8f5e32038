import { describe, expect, it } from 'vitest'
import { cookieJar } from '../../../../test/support/cookie-jar.ts'
import {
  chunky,
  crowd,
  found,
  IDLE_MS,
  NAME,
  pause,
  sealedSite,
  signedIn,
  visit,
} from '../../../../test/support/sealed-site.ts'
import { tokenSet } from '../../../../test/support/session-fixture.ts'
import { encodeBase64url } from '../core/bytes.ts'
import { systemRandom } from '../core/random.ts'

describe('createSealedSessions, moved into the store', () => {
  it('T-SEAL-04 a copy that was moved into the store before sign-out is over with it', async () => {
    const { start, pass, tickets } = sealedSite()
    const sessions = start({ tickets: tickets() })
    const { page } = await signedIn(sessions)
    const copy = page.header()
    pass(IDLE_MS / 2)
    const thief = cookieJar()
    thief.set(await visit(sessions, crowd(copy, 7000)))
    expect(thief.cookies.get(NAME)).toHaveLength(64)
    await sessions.end(await found(sessions, copy), 'signed_out', { revoke: true })
    expect((await sessions.read(thief.header())).ok).toBe(false)
  })

  it('T-SEAL-04 a move under way does not revive what was signed out meanwhile', async () => {
    const { start, pass, tickets } = sealedSite()
    const inner = tickets()
    let open = () => {}
    const gate = new Promise<void>((resolve) => {
      open = resolve
    })
    const slow = {
      ...inner,
      adopt: async (c: never) => {
        await gate
        return inner.adopt(c)
      },
    }
    const sessions = start({ tickets: slow })
    const { page } = await signedIn(sessions)
    pass(IDLE_MS / 2)
    const header = crowd(page.header(), 7000)
    const session = await found(sessions, page.header())
    const running = visit(sessions, header)
    await pause()
    await sessions.end(session, 'signed_out', { revoke: true })
    page.set(sessions.clear(page.header()))
    open()
    page.set(await running.catch(() => []))
    expect((await sessions.read(page.header())).ok).toBe(false)
  })

  it('one session makes one session in the store, whatever stands beside its cookie', async () => {
    const { start, pass, tickets, events } = sealedSite()
    const sessions = start({ tickets: tickets() })
    const { page } = await signedIn(sessions)
    pass(IDLE_MS / 2)
    for (let n = 0; n < 50; n += 1) {
      const junk = `${NAME}-${String(n).padStart(12, '0')}-0=x`
      await visit(sessions, crowd(`${page.header()}; ${junk}`, 7000))
    }
    expect(events.filter(({ type }) => type === 'session.moved')).toHaveLength(1)
  })

  it('a dead ticket that begins with the byte 1 does not hide the chunks beside it', async () => {
    const { start, tickets } = sealedSite()
    const sessions = start({ tickets: tickets() })
    const page = cookieJar()
    page.set((await sessions.create({ tokenSet: chunky() }, undefined)).setCookies)
    expect(page.cookies.size).toBe(2)
    const ticket = (first: number) => encodeBase64url(new Uint8Array([first, ...systemRandom(47)]))
    const reading = async (first: number) =>
      (await sessions.read(`${page.header()}; ${NAME}=${ticket(first)}`)).ok
    expect([await reading(2), await reading(1)]).toEqual([true, true])
  })

  it('what was moved into the store and ended there does not go on under its old cookie', async () => {
    const { start, pass, tickets } = sealedSite()
    const inner = tickets()
    const sessions = start({ tickets: inner })
    const { page } = await signedIn(sessions)
    const old = page.header()
    pass(IDLE_MS / 2)
    page.set(await visit(sessions, crowd(old, 7000)))
    expect(await inner.list?.endAll(tokenSet().subject, 'ended_by_operator', {})).toBe(1)
    const reading = await sessions.read(old)
    const touched = reading.ok ? await sessions.touch(reading.session) : undefined
    const access = touched === undefined ? undefined : await sessions.accessToken(touched)
    expect([touched === undefined, access?.ok ?? false]).toEqual([true, false])
  })

  it('a store that fails while a session moves costs one answer', async () => {
    const { start, pass, tickets } = sealedSite()
    const inner = tickets()
    let down = true
    const flaky = {
      ...inner,
      adopt: async (c: never) => {
        if (down) throw new Error('down')
        return inner.adopt(c)
      },
    }
    const sessions = start({ tickets: flaky })
    const { page } = await signedIn(sessions)
    pass(IDLE_MS / 2)
    const header = crowd(page.header(), 7000)
    const all = await Promise.allSettled([visit(sessions, header), visit(sessions, header)])
    expect(all.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    await pause()
    down = false
    expect((await visit(sessions, header)).length).toBeGreaterThan(0)
  })
})
