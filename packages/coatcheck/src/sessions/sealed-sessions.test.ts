import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { cookieJar } from '../../../../test/support/cookie-jar.ts'
import {
  BINDING,
  CANARIES,
  manualClock,
  START,
  tokenSet,
} from '../../../../test/support/session-fixture.ts'
import { encodeBase64url } from '../core/bytes.ts'
import { systemRandom } from '../core/random.ts'
import { createReloadableKeyRing } from '../ring/reloadable-key-ring.ts'
import { generateKeyRing } from '../ring/ring-file.ts'
import { addKey, forgetKey, promoteKey } from '../ring/rotation.ts'
import type { BrowserSessions } from './browser-sessions.ts'
import type { SessionEvent } from './events.ts'
import { createSealedSessions, type SealedSessionsOptions } from './sealed-sessions.ts'
import type { Session } from './session.ts'
import { createSessions } from './sessions.ts'
import { memoryStore } from './stores/memory.ts'
import { createTicketSessions } from './ticket-sessions.ts'

const NAME = '__Host-Http-coatcheck'
const ATTRIBUTES = { secure: true, httpOnly: true, sameSite: 'Strict', path: '/' } as const
const IDLE_MS = 1_800_000

function site() {
  const { clock, pass } = manualClock()
  const disk = { file: generateKeyRing({ clock }) }
  const events: SessionEvent[] = []
  const revoked: string[] = []
  /** A process of its own. */
  const start = (changes: Partial<SealedSessionsOptions> = {}): BrowserSessions =>
    createSealedSessions({
      ...BINDING,
      ring: createReloadableKeyRing({ read: () => disk.file, clock }),
      name: NAME,
      attributes: ATTRIBUTES,
      clock,
      random: systemRandom,
      revoke: async (token) => void revoked.push(token),
      onEvent: (event) => events.push(event),
      ...changes,
    })
  /** A ticket store for what is too large. */
  const tickets = () => {
    const ring = createReloadableKeyRing({ read: () => disk.file, clock })
    const sessions = createSessions({ ...BINDING, ring, store: memoryStore({ clock }), clock })
    return createTicketSessions({ sessions, name: NAME, attributes: ATTRIBUTES })
  }
  return { clock, pass, disk, events, revoked, start, tickets }
}

async function signedIn(sessions: BrowserSessions, set = tokenSet(), remembered = false) {
  const page = cookieJar()
  const { session, setCookies } = await sessions.create({ tokenSet: set, remembered }, undefined)
  page.set(setCookies)
  return { page, session }
}

async function found(sessions: BrowserSessions, header: string): Promise<Session> {
  const reading = await sessions.read(header)
  if (!reading.ok) throw new Error(reading.reason)
  return reading.session
}

/** A request that counts as activity; gives back what its answer sets. */
async function visit(sessions: BrowserSessions, header: string): Promise<readonly string[]> {
  const touched = await sessions.touch(await found(sessions, header))
  if (touched === undefined) throw new Error('ended')
  return sessions.setCookies(touched)
}

function reasonOf(reading: Awaited<ReturnType<BrowserSessions['read']>>): string {
  return reading.ok ? 'ok' : reading.reason
}

describe('createSealedSessions', () => {
  it('gives a session back to whoever brings its cookie, in every process', async () => {
    const { start } = site()
    const { page, session } = await signedIn(start())
    const other = await found(start(), page.header())
    expect(other.id).toBe(session.id)
    expect(other.id).toMatch(/^[\w-]{22}$/)
    expect(other.tokenSet.claims.email).toBe(CANARIES.email)
    expect(other.createdAt).toBe(START)
  })

  it('sets cookies again after a tenth of the idle time, and never before', async () => {
    const { start, pass } = site()
    const sessions = start()
    const { page } = await signedIn(sessions)
    const first = page.header()
    pass(IDLE_MS / 10 - 1)
    expect(await visit(sessions, first)).toEqual([])
    pass(1)
    page.set(await visit(sessions, first))
    expect(page.header()).not.toBe(first)
    expect((await found(sessions, page.header())).lastSeenAt).toBe(START + IDLE_MS / 10)
  })

  it('sets the same for parallel requests with one cookie, but opens it once', async () => {
    const { start, pass } = site()
    const sessions = start()
    const { page } = await signedIn(sessions)
    pass(IDLE_MS / 2)
    const set = await Promise.all(Array.from({ length: 20 }, () => visit(sessions, page.header())))
    expect(new Set(set.map((each) => each.join())).size).toBe(1)
    const again = await found(sessions, page.header())
    expect(await found(sessions, page.header())).toBe(again)
    // Whoever still comes with the old one much later has the window moved on from there.
    pass(IDLE_MS / 4)
    expect((await visit(sessions, page.header())).join()).not.toBe(set[0]?.join())
  })

  it('T-SESSION-04 ends by idleness and in any case, whatever the cookie is kept for', async () => {
    const { start, pass } = site()
    const sessions = start()
    const { page } = await signedIn(sessions)
    for (let visits = 0; visits < 23; visits += 1) {
      pass(IDLE_MS - 1)
      page.set(await visit(sessions, page.header()))
    }
    const last = page.header()
    pass(IDLE_MS - 1)
    expect(reasonOf(await sessions.read(last))).toBe('ok')
    pass(1)
    expect(reasonOf(await sessions.read(last))).toBe('idle_timeout')
    pass(IDLE_MS)
    expect(reasonOf(await sessions.read(last))).toBe('absolute_timeout')
    // A site that gives less by now gives less to those who are there, too.
    const { page: other } = await signedIn(sessions)
    pass(60_000)
    const strict = start({ idleSeconds: 60 })
    expect(reasonOf(await strict.read(other.header()))).toBe('idle_timeout')
  })

  it('keeps a cookie as long after sign-in as is said, whenever it is set', async () => {
    const { start, pass } = site()
    const sessions = start({
      remembered: { idleSeconds: 86_400, absoluteSeconds: 864_000 },
      rememberSeconds: 864_000,
    })
    const { page } = await signedIn(sessions, tokenSet(), true)
    expect(page.attributes).toEqual([expect.stringContaining('Max-Age=864000;')])
    pass(80_000_000)
    page.set(await visit(sessions, page.header()))
    expect(page.attributes.at(-1)).toContain(`Max-Age=${864_000 - 80_000};`)
    const { page: usual } = await signedIn(sessions)
    expect(usual.attributes.join()).not.toContain('Max-Age')
  })

  it('T-COOKIE-04 uses none of two, and finds both to end them', async () => {
    const { start } = site()
    const sessions = start()
    const [one, other] = [await signedIn(sessions), await signedIn(sessions)]
    const header = `${one.page.header()}; ${other.page.header()}`
    expect(reasonOf(await sessions.read(header))).toBe('twins')
    const twins = await sessions.twins(header)
    expect(twins.map(({ id }) => id)).toEqual([one.session.id, other.session.id])
  })

  it('T-SEAL-04 a copy opens nothing here after sign-out, and elsewhere until its end only', async () => {
    const { start, pass, revoked, events } = site()
    const [here, elsewhere] = [start(), start()]
    const set = tokenSet({ refreshToken: undefined } as never)
    const { page } = await signedIn(here, set)
    const copy = page.header()
    const session = await found(here, copy)
    expect(await here.end(session, 'signed_out', { revoke: true })).toBe(true)
    page.set(here.clear(copy))
    expect(page.header()).toBe('')
    expect(reasonOf(await here.read(copy))).toBe('ended')
    expect(await here.touch(session)).toBeUndefined()
    expect(await here.end(session, 'signed_out', { revoke: true })).toBe(false)
    expect(revoked).toEqual([CANARIES.accessToken])
    expect(events.filter(({ type }) => type === 'session.ended')).toHaveLength(1)
    // The limit that is said at start; however it is used, the end that was sealed in holds.
    const thief = cookieJar()
    thief.set([copy])
    for (let visits = 0; visits < 23; visits += 1) {
      pass(IDLE_MS - 1)
      thief.set(await visit(elsewhere, thief.header()))
    }
    pass(IDLE_MS - 1)
    expect(reasonOf(await elsewhere.read(thief.header()))).toBe('ok')
    pass(24)
    expect(reasonOf(await elsewhere.read(thief.header()))).toBe('absolute_timeout')
  })

  it('drops a refresh token that nobody asked for', async () => {
    const { start, events } = site()
    const sessions = start()
    const { page } = await signedIn(sessions)
    const session = await found(sessions, page.header())
    expect(session.tokenSet.refreshToken).toBeUndefined()
    expect(events.map(({ type }) => type)).toContain('session.refresh_token_dropped')
  })

  it('T-OPS-04 seals anew under the key of today at the next visit, and opens under none that is gone', async () => {
    const { start, disk, pass, clock } = site()
    const sessions = start()
    const { page } = await signedIn(sessions)
    const old = page.header()
    const [first = { id: '' }] = disk.file.keys
    disk.file = promoteKey(addKey(disk.file, { clock }), { clock, reloadSeconds: 0 })
    pass(2000)
    const reloaded = start()
    page.set(await visit(reloaded, old))
    disk.file = forgetKey(disk.file, first.id)
    const later = start()
    expect(reasonOf(await later.read(old))).toBe('unknown_key')
    expect(reasonOf(await later.read(page.header()))).toBe('ok')
    // The process that opened it before forgets it with the key.
    pass(2000)
    const { page: fresh } = await signedIn(later)
    await reloaded.read(fresh.header())
    expect(reasonOf(await reloaded.read(page.header()))).toBe('ok')
  })

  it('tells whoever watches that it ended, and where only the browser knows, to ask again', async () => {
    const { start, pass } = site()
    const sessions = start()
    const watched = async () => {
      const session = await found(sessions, (await signedIn(sessions)).page.header())
      const heard: string[] = []
      sessions.endings.watch(session, (reason) => heard.push(reason))
      return { session, heard }
    }
    const [left, idle] = [await watched(), await watched()]
    await sessions.end(left.session, 'signed_out')
    expect(left.heard).toEqual(['signed_out'])
    pass(IDLE_MS)
    await expect.poll(() => idle.heard, { timeout: 5000 }).toEqual(['ask_again'])
    await sessions.close()
  })

  it('shows no token and no cookie in what it prints and tells', async () => {
    const { start, events, pass } = site()
    const sessions = start({ refreshTokens: 'single-process' })
    const { page } = await signedIn(sessions)
    pass(IDLE_MS / 2)
    const session = await found(sessions, page.header())
    const [sealed = ''] = await visit(sessions, page.header())
    await sessions.end(session, 'signed_out')
    const printed = inspect({ session, events, sessions }, { depth: 9 }) + JSON.stringify(session)
    const secrets = [page.cookies.get(NAME) ?? '', sealed, CANARIES.accessToken, CANARIES.idToken]
    for (const secret of [...secrets, CANARIES.refreshToken]) {
      expect(printed).not.toContain(secret.slice(0, 40))
    }
  })
})

describe('createSealedSessions, too large for cookies', () => {
  const large = () => tokenSet({ idToken: encodeBase64url(systemRandom(9000)) })

  it('T-COOKIE-05 refuses at sign-in, with figures', async () => {
    const { start, events } = site()
    const refused = start().create({ tokenSet: large() }, 'theme=dark')
    await expect(refused).rejects.toMatchObject({ code: 'cookie_too_large' })
    await expect(refused).rejects.toThrow(/1\d{4} bytes, and may have 8192/)
    expect(events).toEqual([expect.objectContaining({ type: 'session.too_large', budget: 8192 })])
  })

  it('goes into the store from the start, where there is one', async () => {
    const { start, tickets } = site()
    const sessions = start({ tickets: tickets() })
    const { page } = await signedIn(sessions, large())
    expect(page.cookies.get(NAME)).toHaveLength(64)
    const session = await found(sessions, page.header())
    expect(await sessions.touch(session)).toBe(session)
    expect((await sessions.accessToken(session)).ok).toBe(true)
    expect(await sessions.end(session, 'signed_out')).toBe(true)
    expect(reasonOf(await sessions.read(page.header()))).toBe('unknown')
  })

  it('keeps the cookie that there is when other cookies leave no room, and says so once', async () => {
    const { start, pass, events } = site()
    const sessions = start()
    const { page } = await signedIn(sessions)
    pass(IDLE_MS / 2)
    const crowded = `${page.header()}; other=${'x'.repeat(7000)}`
    expect(await visit(sessions, crowded)).toEqual([])
    expect(await visit(sessions, crowded)).toEqual([])
    expect(events.filter(({ type }) => type === 'session.too_large')).toHaveLength(1)
    // As soon as there is room again, it goes on; and what there was room for once is measured again.
    expect(await visit(sessions, page.header())).toHaveLength(1)
    pass(IDLE_MS / 4)
    expect(await visit(sessions, crowded)).toEqual([])
  })

  it('moves into the store when it has grown, once for all parallel requests, and deletes its chunks', async () => {
    const { start, pass, events, tickets } = site()
    const sessions = start({ tickets: tickets() })
    const { page, session } = await signedIn(
      sessions,
      tokenSet({ idToken: encodeBase64url(systemRandom(4000)) }),
    )
    expect(page.cookies.size).toBe(2)
    pass(IDLE_MS / 2)
    const crowded = `${page.header()}; other=${'x'.repeat(5000)}`
    const set = await Promise.all(Array.from({ length: 20 }, () => visit(sessions, crowded)))
    expect(new Set(set.map((each) => each.join())).size).toBe(1)
    page.set(set[0] ?? [])
    expect([...page.cookies.keys()]).toEqual([NAME])
    const moved = await found(sessions, page.header())
    expect(moved.createdAt).toBe(session.createdAt)
    expect(moved.absoluteEndsAt).toBe(session.absoluteEndsAt)
    expect(events.filter(({ type }) => type === 'session.moved')).toEqual([
      { type: 'session.moved', session: session.shortId, to: moved.shortId },
    ])
    // The old cookies stand for the same session, and end with it.
    expect(await visit(sessions, crowded)).toEqual(set[0])
    await sessions.end(moved, 'signed_out')
    expect(reasonOf(await sessions.read(crowded))).toBe('ended')
  })
})
