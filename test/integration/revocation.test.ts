import { requestTokens } from '@coatcheck/dev'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { send } from '../support/send.ts'
import { apiCall, type Stack, signInOverHttp, startStack } from '../support/stack.ts'

const realFetch = globalThis.fetch
const refreshTokens: string[] = []
let stack: Stack

// The gateway runs in this process: what it is given at the token endpoint is listened to, and passed on.
beforeAll(async () => {
  globalThis.fetch = async (...parameters) => {
    const answer = await realFetch(...parameters)
    const body = await answer
      .clone()
      .json()
      .catch(() => undefined)
    if (typeof body?.refresh_token === 'string') refreshTokens.push(body.refresh_token)
    return answer
  }
  stack = await startStack({ accessTokenSeconds: 4 })
})
afterAll(async () => {
  globalThis.fetch = realFetch
  await stack.close()
})

/** What the provider says when this refresh token is spent: only for one that is not needed any more. */
async function spend(refreshToken: string): Promise<string> {
  const answer = await requestTokens(stack.provider, {
    grant_type: 'refresh_token',
    refresh_token: refreshToken,
  })
  const body = (await answer.json()) as { readonly error?: string }
  return body.error ?? 'accepted'
}

const newest = (): string => refreshTokens.at(-1) ?? ''

const signOut = (ticket: string): Promise<Response> =>
  send(`${stack.origin}/auth/sign-out`, {
    method: 'POST',
    headers: { origin: stack.origin, cookie: ticket, 'sec-fetch-mode': 'cors' },
  })

describe('the refresh token', () => {
  it('works at the provider as long as nobody ends the session: the control', async () => {
    await signInOverHttp(stack)
    expect(await spend(newest())).toBe('accepted')
  })

  it('is revoked at sign-out', async () => {
    const ticket = await signInOverHttp(stack)
    const token = newest()
    await signOut(ticket)
    expect(await spend(token)).toBe('invalid_grant')
  })

  it('is revoked in its newest form when it was renewed before sign-out', async () => {
    const ticket = await signInOverHttp(stack)
    const first = newest()
    await new Promise((resolve) => setTimeout(resolve, 2500))
    expect((await apiCall(stack, ticket, '/api/x')).status).toBe(200)
    const second = newest()
    expect(second).not.toBe(first)
    await signOut(ticket)
    expect(await spend(second)).toBe('invalid_grant')
  })

  it("is revoked when another person signs in over the session, and the new person's is not", async () => {
    const ada = await signInOverHttp(stack, 'ada')
    const adasToken = newest()
    await signInOverHttp(stack, 'grace', ada)
    const gracesToken = newest()
    expect((await apiCall(stack, ada, '/api/x')).status).toBe(401)
    expect(await spend(adasToken)).toBe('invalid_grant')
    expect(await spend(gracesToken)).toBe('accepted')
  })

  it('is left alone when the same person signs in again: sessions of one sign-in at the provider share a grant', async () => {
    const first = await signInOverHttp(stack, 'ada')
    const firstToken = newest()
    await signInOverHttp(stack, 'ada', first)
    expect(await spend(firstToken)).toBe('accepted')
  })
})
