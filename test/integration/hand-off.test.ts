import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createFormBrowser, type FormBrowser } from '@coatcheck/dev'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  askSource,
  askTarget,
  bringCode,
  type HandOffSites,
  startHandOffSites,
  visit,
} from '../support/hand-off.ts'
import { send } from '../support/send.ts'
import { apiCall, cookiesOf, OWN_NAVIGATION, type Stack, signInOverHttp } from '../support/stack.ts'

const COMMAND = fileURLToPath(new URL('../../packages/gateway/dist/coatcheck.js', import.meta.url))
const GRACE = 'u-grace-1906'

let sites: HandOffSites
beforeAll(async () => {
  sites = await startHandOffSites()
})
afterAll(() => sites.close())

interface Person {
  readonly browser: FormBrowser
  readonly ticket: string
}

async function signedIn(username = 'ada'): Promise<Person> {
  const browser = createFormBrowser()
  return { browser, ticket: await signInOverHttp(sites.source, username, undefined, browser) }
}

async function handOver({ browser, ticket }: Person): Promise<string> {
  const asked = await askTarget(sites, '?return=/account/')
  const given = await askSource(asked.location, ticket)
  const answer = await bringCode(sites, given.location, asked.cookies, browser)
  expect([answer.status, answer.headers.get('location')]).toEqual([
    303,
    `${sites.target.origin}/account/`,
  ])
  return ticketIn(answer)
}

function ticketIn(answer: Response): string {
  return cookiesOf(answer).find((pair) => pair.startsWith(`${sites.target.cookieName}=`)) ?? ''
}

async function whoIs(stack: Stack, ticket: string): Promise<unknown> {
  const answer = await apiCall(stack, ticket, '/auth/session')
  const { state, claims } = (await answer.json()) as { state: string; claims?: { name: string } }
  return claims?.name ?? state
}

async function signOut(stack: Stack, ticket: string): Promise<void> {
  const headers = { ...OWN_NAVIGATION, origin: stack.origin, cookie: ticket }
  const answer = await send(`${stack.origin}/auth/sign-out`, { method: 'POST', headers })
  expect(answer.status).toBe(303)
}

// As a command of its own: this process has the gateways to answer for.
async function operatorEnds() {
  const folder = sites.source.folder
  writeFileSync(join(folder, 'coatcheck.json'), JSON.stringify(sites.source.config))
  const child = spawn(process.execPath, [COMMAND, 'sessions', 'end', 'coatcheck.json', GRACE], {
    cwd: folder,
  })
  const told = { out: '', err: '' }
  child.stdout.on('data', (bytes) => {
    told.out += bytes
  })
  child.stderr.on('data', (bytes) => {
    told.err += bytes
  })
  const [status] = (await once(child, 'close')) as [number]
  return { status, ...told }
}

async function becomes(stack: Stack, ticket: string, expected: unknown): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    if ((await whoIs(stack, ticket)) === expected) return
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  expect(await whoIs(stack, ticket)).toBe(expected)
}

describe('a hand-off between two hosts', () => {
  it('signs in at the target whoever is signed in at the source, with tokens of its own', async () => {
    const person = await signedIn()
    const ticket = await handOver(person)
    expect(await whoIs(sites.target, ticket)).toBe('Ada Lovelace')
    expect(await whoIs(sites.source, person.ticket)).toBe('Ada Lovelace')
    expect((await apiCall(sites.target, ticket, '/api/orders')).status).toBe(200)
  })

  it('ends at the target when the person signs out at the source', async () => {
    const person = await signedIn()
    const ticket = await handOver(person)
    await signOut(sites.source, person.ticket)
    await becomes(sites.target, ticket, 'signed_out')
  })

  it('ends at the source when the person signs out at the target', async () => {
    const person = await signedIn()
    const ticket = await handOver(person)
    await signOut(sites.target, ticket)
    await becomes(sites.source, person.ticket, 'signed_out')
  })

  it('ends at the target, too, when the gateway of the source closes right after it', async () => {
    const person = await signedIn()
    const ticket = await handOver(person)
    await signOut(sites.source, person.ticket)
    await sites.source.gateway.close()
    expect(await whoIs(sites.target, ticket)).toBe('signed_out')
    await sites.source.restart()
  })

  it('stays tied when the person signs in at the source once more', async () => {
    const person = await signedIn()
    const ticket = await handOver(person)
    const again = await signInOverHttp(sites.source, 'ada', person.ticket, person.browser)
    expect(await whoIs(sites.target, ticket)).toBe('Ada Lovelace')
    await signOut(sites.source, again)
    await becomes(sites.target, ticket, 'signed_out')
  })

  it('leaves sessions of others alone when one is signed out', async () => {
    const [one, other] = [await signedIn(), await signedIn()]
    const [ticket, otherTicket] = [await handOver(one), await handOver(other)]
    await signOut(sites.source, one.ticket)
    await becomes(sites.target, ticket, 'signed_out')
    expect(await whoIs(sites.target, otherTicket)).toBe('Ada Lovelace')
  })

  it('ends at the target when an operator ends it at the source; what could not be told is said', async () => {
    const person = await signedIn('grace')
    const ticket = await handOver(person)
    const first = await operatorEnds()
    expect([first.status, first.err]).toEqual([0, ''])
    await becomes(sites.target, ticket, 'signed_out')
    await signedIn('grace')
    await sites.target.gateway.close()
    const second = await operatorEnds()
    await sites.target.restart()
    expect(second.status).toBe(1)
    expect(second.out).toContain('1 session ended.')
    expect(second.err).toContain(`${sites.target.origin} was not told (hand_off_unavailable)`)
  })

  it('leaves the session of another person at the target as it was', async () => {
    const grace = createFormBrowser()
    const own = await signInOverHttp(sites.target, 'grace', undefined, grace)
    const ada = await signedIn()
    const asked = await askTarget(sites)
    const given = await askSource(asked.location, ada.ticket)
    const answer = await bringCode(sites, given.location, asked.cookies, grace, own)
    expect([answer.status, ticketIn(answer)]).toEqual([403, ''])
    expect(await answer.text()).toContain('hand_off_subject_differs')
    expect(await whoIs(sites.target, own)).toBe('Grace Hopper')
  })

  it('shows a page with a button when a foreign page starts it (login CSRF)', async () => {
    const headers = { ...OWN_NAVIGATION, 'sec-fetch-site': 'cross-site' }
    const answer = await send(`${sites.target.origin}/auth/hand-off?return=/account/`, { headers })
    expect([answer.status, cookiesOf(answer)]).toEqual([200, []])
    const from = encodeURIComponent(sites.source.origin)
    expect(await answer.text()).toContain(`/auth/hand-off?from=${from}&amp;return=%2Faccount%2F`)
  })

  it('asks for sign-in at the source first, and goes on after it', async () => {
    const asked = await askTarget(sites)
    const answer = await visit(asked.location)
    expect(answer.status).toBe(401)
    const [, href = ''] = /class="action" href="([^"]*)"/.exec(await answer.text()) ?? []
    const signIn = new URL(href.replaceAll('&amp;', '&'), sites.source.origin)
    expect(signIn.searchParams.get('return')).toBe(asked.location.slice(sites.source.origin.length))
    const started = await visit(signIn.href)
    expect([started.status, started.headers.get('location')?.split('/auth?')[0]]).toEqual([
      303,
      sites.source.provider.issuer,
    ])
  })

  it('lets the provider ask when it knows nobody, and still takes nobody else', async () => {
    const person = await signedIn()
    const asked = await askTarget(sites)
    const given = await askSource(asked.location, person.ticket)
    const stranger = createFormBrowser()
    const answer = await bringCode(sites, given.location, asked.cookies, stranger)
    // The provider said login_required; now it is asked again without prompt=none.
    const location = new URL(answer.headers.get('location') ?? '')
    expect([answer.status, location.searchParams.get('prompt')]).toEqual([303, null])
    const callback = `${sites.target.origin}/auth/callback`
    const page = await stranger.open(location.href, callback)
    const fields = { username: 'grace', password: 'compiler-1952', choice: 'go' }
    const back = await stranger.submit(page, fields, callback)
    const last = await visit(back.url, cookiesOf(answer).join('; '))
    expect([last.status, ticketIn(last)]).toEqual([403, ''])
    expect(await last.text()).toContain('hand_off_subject_differs')
  })
})

describe('T-CROSS-01 a hand-off that is attacked', () => {
  async function code(): Promise<{ readonly location: string; readonly cookies: string }> {
    const person = await signedIn()
    const asked = await askTarget(sites)
    const given = await askSource(asked.location, person.ticket)
    return { location: given.location, cookies: asked.cookies }
  }

  it('has no token, ticket or claim in any address', async () => {
    const { location } = await code()
    expect([...new URL(location).searchParams.keys()]).toEqual(['code', 'state', 'iss'])
    expect(new URL(location).searchParams.get('code')).toMatch(/^[\w-]{64}$/)
  })

  it('is refused in a browser that did not ask, and the code stays good for the one that did', async () => {
    const { location, cookies } = await code()
    expect((await bringCode(sites, location, '')).status).toBe(400)
    const stolen = (await askTarget(sites)).cookies
    expect((await bringCode(sites, location, stolen)).status).toBe(400)
    const { status, headers } = await visit(location, cookies)
    expect([status, headers.get('location')?.startsWith(sites.source.provider.issuer)]).toEqual([
      303,
      true,
    ])
  })

  it('is refused when a thief puts a stolen code into a hand-off of his own', async () => {
    const { location } = await code()
    const own = await askTarget(sites)
    const url = new URL(location)
    const state = new URL(own.location).searchParams.get('state') ?? ''
    url.searchParams.set('state', state)
    const answer = await visit(url.href, own.cookies)
    expect([answer.status, cookiesOf(answer).some((pair) => pair.includes('-in-'))]).toEqual([
      403,
      true,
    ])
    expect(await answer.text()).toContain('hand_off_code_refused')
  })

  it('is refused the second time', async () => {
    const { location, cookies } = await code()
    expect((await visit(location, cookies)).status).toBe(303)
    expect((await visit(location, cookies)).status).toBe(400)
  })

  it('is refused when another site than the asked one answers', async () => {
    const { location, cookies } = await code()
    const url = new URL(location)
    url.searchParams.set('iss', 'https://evil.test')
    expect((await visit(url.href, cookies)).status).toBe(403)
  })

  it('names nobody to a target that is not configured, and sends nobody there', async () => {
    const person = await signedIn()
    const asked = await askTarget(sites)
    for (const evil of [
      'https://evil.test',
      `${sites.target.origin}/`,
      `${sites.target.origin}.evil.test`,
      sites.source.origin,
      '',
    ]) {
      const url = new URL(asked.location)
      url.searchParams.set('client_id', evil)
      const answer = await visit(url.href, person.ticket)
      expect([answer.status, answer.headers.get('location')]).toEqual([403, null])
    }
  })

  it.each([
    ['response_type', 'token'],
    ['code_challenge_method', 'plain'],
    ['code_challenge', 'short'],
    ['state', 'with space'],
  ])('refuses a request whose %s is %s', async (name, value) => {
    const person = await signedIn()
    const url = new URL((await askTarget(sites)).location)
    url.searchParams.set(name, value)
    expect((await visit(url.href, person.ticket)).status).toBe(403)
  })

  it.each(['redeem', 'ended'])('answers nobody but the partner at %s', async (kind) => {
    const address = `${sites.source.origin}/auth/hand-off/${kind}`
    const partner = encodeURIComponent(sites.target.origin)
    const tries: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
      [address, {}],
      [`${address}?client_id=${partner}`, {}],
      [`${address}?client_id=${partner}`, { authorization: 'HandOff AAAA' }],
      [`${address}?client_id=${partner}`, { authorization: 'Bearer AAAA' }],
      [`${address}?client_id=https%3A%2F%2Fevil.test`, { authorization: 'HandOff AAAA' }],
    ]
    for (const [url, headers] of tries) {
      expect((await send(url, { method: 'POST', headers })).status).toBe(403)
    }
    expect((await send(`${address}?client_id=${partner}`)).status).toBe(405)
  })

  it('has no secret in any log', async () => {
    const { location, cookies } = await code()
    await visit(location, cookies)
    const secret = new URL(location).searchParams.get('code') ?? 'none'
    for (const stack of [sites.source, sites.target]) {
      expect(stack.log()).not.toContain(secret.slice(22))
      expect(stack.log()).not.toContain(cookies.slice(cookies.indexOf('=') + 1))
    }
  })
})
