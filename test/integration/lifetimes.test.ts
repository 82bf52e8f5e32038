import { afterEach, describe, expect, it } from 'vitest'
import { send } from '../support/send.ts'
import {
  apiCall,
  beginSignIn,
  finishSignIn,
  OWN_NAVIGATION,
  type Stack,
  startStack,
} from '../support/stack.ts'

const DAY = 86_400

let stack: Stack
afterEach(() => stack.close())

async function start(settings: {
  readonly remembered?: boolean
  readonly cookie?: Stack['config']['cookie']
}): Promise<void> {
  stack = await startStack({
    config: (base) => ({
      ...base,
      sessions: {
        ...base.sessions,
        ...(settings.remembered === true
          ? { remembered: { idleSeconds: 7 * DAY, absoluteSeconds: 20 * DAY } }
          : {}),
      },
      ...(settings.cookie === undefined ? {} : { cookie: settings.cookie }),
    }),
  })
}

async function ticketCookie(signInQuery: string): Promise<string> {
  const answer = await finishSignIn(await beginSignIn({ origin: stack.origin, signInQuery }))
  const cookie = answer.headers.getSetCookie().find((text) => text.includes('coatcheck-'))
  expect(answer.status).toBe(303)
  return cookie ?? ''
}

async function sessionOf(cookie: string): Promise<Record<string, number>> {
  const answer = await apiCall(stack, cookie.split(';')[0] ?? '', '/auth/session')
  return (await answer.json()) as Record<string, number>
}

describe('how long a browser stays signed in', () => {
  it('forgets with the browser, unless the person chose to be remembered', async () => {
    await start({ remembered: true })
    const usual = await ticketCookie('')
    expect(usual).not.toContain('Max-Age')
    const remembered = await ticketCookie('&remember=1')
    expect(remembered).toContain(`; Max-Age=${20 * DAY};`)
    const now = Date.now()
    expect((await sessionOf(usual)).absoluteEndsAt).toBeLessThan(now + DAY * 1000)
    const session = await sessionOf(remembered)
    expect(session.idleEndsAt).toBeGreaterThan(now + 6.9 * DAY * 1000)
    expect(session.absoluteEndsAt).toBeGreaterThan(now + 19.9 * DAY * 1000)
    expect(session.absoluteEndsAt).toBeLessThan(now + 20.1 * DAY * 1000)
  })

  it('offers it on the page of who is signed out, and only where it is configured', async () => {
    await start({ remembered: true })
    const page = `${stack.origin}/auth/sign-in?return=/`
    const foreign = { ...OWN_NAVIGATION, 'sec-fetch-site': 'cross-site' }
    const offered = await (await send(page, { headers: foreign })).text()
    expect(offered).toContain('remember=1')
    await stack.close()
    await start({})
    expect(
      await (await send(page.replace(/:\d+/, `:${stack.port}`), { headers: foreign })).text(),
    ).not.toContain('remember=1')
    // Whoever asks all the same gets the usual session.
    expect(await ticketCookie('&remember=1')).not.toContain('Max-Age')
  })

  it('keeps the cookie as long as is configured, and deletes it with the attributes that set it', async () => {
    await start({ cookie: { lifetime: { maxAgeSeconds: 3600 }, sameSite: 'lax', name: 'app' } })
    const answer = await finishSignIn(await beginSignIn(stack))
    const cookie = answer.headers.getSetCookie().find((text) => text.startsWith('__Host-Http-app-'))
    expect(cookie).toMatch(/; Path=\/; Max-Age=3600; Secure; HttpOnly; SameSite=Lax$/)
    const [pair = ''] = cookie?.split(';') ?? []
    const out = await send(`${stack.origin}/auth/sign-out`, {
      method: 'POST',
      headers: { cookie: pair, origin: stack.origin, 'sec-fetch-site': 'same-origin' },
    })
    expect(out.headers.getSetCookie()).toEqual([
      `${pair.split('=')[0]}=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax`,
    ])
  })
})
