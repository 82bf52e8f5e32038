import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, describe, expect, it } from 'vitest'
import { send } from '../support/send.ts'
import {
  apiCall,
  OWN_NAVIGATION,
  type Stack,
  signInOverHttp,
  startStack,
} from '../support/stack.ts'

let stack: Stack | undefined
afterEach(async () => {
  await stack?.close()
  stack = undefined
})

async function start(options: Parameters<typeof startStack>[0] = {}): Promise<Stack> {
  stack = await startStack(options)
  return stack
}

const code = async (answer: Response): Promise<string> =>
  ((await answer.json()) as { code: string }).code

describe('a provider that is down', () => {
  it('keeps nobody from starting, is told in health, and sign-in says when to try again', async () => {
    const up = await start()
    const ticket = await signInOverHttp(up)
    await up.provider.close()
    await up.restart()
    expect((await apiCall(up, ticket, '/api/x')).status).toBe(200)
    const health = await send(`${up.origin}/auth/health`)
    expect(await health.json()).toMatchObject({
      state: 'degraded',
      store: { state: 'ok' },
      provider: { code: 'provider_unavailable' },
    })
    const signIn = await send(`${up.origin}/auth/sign-in`, { headers: OWN_NAVIGATION })
    expect(signIn.status).toBe(503)
    expect(Number(signIn.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(await signIn.text()).toContain('provider_unavailable')
  })

  it('still lets people sign out', async () => {
    const up = await start()
    const ticket = await signInOverHttp(up)
    await up.provider.close()
    const answer = await send(`${up.origin}/auth/sign-out`, {
      method: 'POST',
      headers: { ...OWN_NAVIGATION, origin: up.origin, cookie: ticket },
    })
    expect(answer.status).toBe(303)
    expect((await apiCall(up, ticket, '/api/x')).status).toBe(401)
    expect(up.log()).toContain('session.revocation_failed')
  })
})

describe('a store that does not answer', () => {
  it('T-OPS-03 is 503 while the file is locked, and never signed out; nothing is lost', async () => {
    const up = await start()
    const ticket = await signInOverHttp(up)
    const other = new DatabaseSync(join(up.folder, 'sessions.sqlite'))
    other.exec('BEGIN IMMEDIATE')
    const signOut = await send(`${up.origin}/auth/sign-out`, {
      method: 'POST',
      headers: { origin: up.origin, cookie: ticket, 'sec-fetch-mode': 'cors' },
    })
    expect(signOut.status).toBe(503)
    expect(signOut.headers.getSetCookie()).toEqual([])
    expect(Number(signOut.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(await code(signOut)).toBe('store_unavailable')
    other.exec('ROLLBACK')
    other.close()
    expect((await apiCall(up, ticket, '/api/x')).status).toBe(200)
  })
})

describe('what lies on disk', () => {
  it('T-SESSION-06 holds neither ticket nor token nor e-mail address', async () => {
    const tokens: string[] = []
    const up = await start({
      upstream: (request, response) => {
        tokens.push((request.headers.authorization ?? '').replace('Bearer ', ''))
        response.end('{}')
      },
    })
    const ticket = await signInOverHttp(up)
    await apiCall(up, ticket, '/api/x')
    const value = ticket.split('=')[1] ?? ''
    const canaries = [
      value,
      value.slice(22),
      tokens[0] ?? '',
      (tokens[0] ?? '').split('.')[2] ?? '',
      'ada@users.example',
      'Ada Lovelace',
      'u-ada-1815',
    ]
    const forms = canaries.flatMap((canary) => [
      canary,
      Buffer.from(canary).toString('base64'),
      Buffer.from(canary).toString('hex'),
    ])
    for (const name of readdirSync(up.folder).filter((entry) =>
      entry.startsWith('sessions.sqlite'),
    )) {
      const bytes = readFileSync(join(up.folder, name))
      for (const form of forms) {
        expect(form.length).toBeGreaterThan(5)
        expect(bytes.includes(form), `${name} holds ${form.slice(0, 6)}...`).toBe(false)
      }
      expect(statSync(join(up.folder, name)).mode & 0o077, name).toBe(0)
    }
    for (const canary of canaries) expect(up.log()).not.toContain(canary)
    expect(existsSync(join(up.folder, 'sessions.sqlite'))).toBe(true)
  })
})

describe('renewal', () => {
  it('T-RENEW-01 is one token request for twenty requests, and one for the next', async () => {
    const tokens = new Set<string>()
    const up = await start({
      accessTokenSeconds: 4,
      upstream: (request, response) => {
        tokens.add(request.headers.authorization ?? '')
        response.end('{}')
      },
      config: (base) => ({ ...base, sessions: { ...base.sessions, renewBeforeSeconds: 60 } }),
    })
    const ticket = await signInOverHttp(up)
    await new Promise((resolve) => setTimeout(resolve, 2600))
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => apiCall(up, ticket, '/api/x')),
    )
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200))
    expect(answers.flatMap((answer) => answer.headers.getSetCookie())).toEqual([])
    expect(tokens.size).toBe(1)
    expect(up.log().match(/session\.renewed/g)).toHaveLength(1)
    await new Promise((resolve) => setTimeout(resolve, 2600))
    expect((await apiCall(up, ticket, '/api/x')).status).toBe(200)
    expect(up.log().match(/session\.renewed/g)).toHaveLength(2)
  })

  it('T-RENEW-04 uses the old token while the provider is down, then says when to try again', async () => {
    const up = await start({ accessTokenSeconds: 4 })
    const ticket = await signInOverHttp(up)
    await up.provider.close()
    await new Promise((resolve) => setTimeout(resolve, 2600))
    expect((await apiCall(up, ticket, '/api/x')).status).toBe(200)
    await new Promise((resolve) => setTimeout(resolve, 2000))
    const answer = await apiCall(up, ticket, '/api/x')
    expect(answer.status).toBe(503)
    expect(await code(answer)).toBe('renewal_unavailable')
    const session = await apiCall(up, ticket, '/auth/session')
    expect(await session.json()).toMatchObject({ state: 'signed_in' })
  })
})
