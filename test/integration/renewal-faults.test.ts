import { createFormBrowser, type TokenFault, type TokenOutcome } from '@coatcheck/dev'
import { afterEach, describe, expect, it } from 'vitest'
import { apiCall, type Stack, signInOverHttp, startStack } from '../support/stack.ts'

const open: Stack[] = []
afterEach(async () => {
  for (const stack of open.splice(0)) await stack.close()
})

/** A stack with access tokens of two seconds, or so many times as long, and faults for the renewals that are asked for, in turn. */
async function start(times: number, ...faults: (TokenFault | undefined)[]) {
  const outcomes: TokenOutcome[] = []
  const stack = await startStack({
    accessTokenSeconds: 2 * times,
    tokenHooks: {
      onTokenRequest: ({ grantType }) =>
        grantType === 'refresh_token' ? faults.shift() : undefined,
      onTokenOutcome: (outcome) => {
        if (outcome.grantType === 'refresh_token') outcomes.push(outcome)
      },
    },
  })
  open.push(stack)
  const call = async (ticket: string) => {
    const answer = await apiCall(stack, ticket, '/api/x')
    const { code } = answer.status === 200 ? { code: 'ok' } : await answer.json()
    return `${answer.status} ${code}`
  }
  return { stack, outcomes, call }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
/** By then a token of two seconds is due for renewal, and good. */
const DUE_MS = 1300
const OVER_MS = 2100
/** Where a moment must be met between due and over, on a busy machine too; and where the provider is slow. */
const [TWICE, LONG] = [2, 4]

describe('a refresh token whose answer was lost', () => {
  it('T-RENEW-01 is not sent again, and does not end the other session on the same grant', async () => {
    const { stack, outcomes, call } = await start(TWICE, 'answer_lost')
    const browser = createFormBrowser()
    const other = await signInOverHttp(stack, 'ada', undefined, browser)
    const one = await signInOverHttp(stack, 'ada', undefined, browser)
    await pause(DUE_MS * TWICE)
    expect(await call(one), 'the old token is good').toBe('200 ok')
    expect(outcomes).toMatchObject([{ fault: 'answer_lost' }])
    await pause(OVER_MS * TWICE)
    expect(await call(one)).toBe('401 access_token_expired')
    for (let round = 0; round < 3; round += 1) {
      expect(await call(other)).toBe('200 ok')
      await pause(OVER_MS * TWICE)
    }
    expect(await call(one)).toBe('401 access_token_expired')
    const sent = outcomes.map(({ refreshToken }) => refreshToken)
    expect(new Set(sent).size, 'each refresh token is sent once').toBe(sent.length)
    expect(outcomes.slice(1).map(({ status }) => status)).toEqual(outcomes.slice(1).map(() => 200))
    expect(await call(await signInOverHttp(stack, 'ada', one, browser))).toBe('200 ok')
  })
})

describe('a provider that says 503', () => {
  it('T-RENEW-04 costs nobody a session: the old token, then 503 with a time, then the new token', async () => {
    const { stack, outcomes, call } = await start(1, 'unavailable', 'unavailable')
    const ticket = await signInOverHttp(stack)
    await pause(DUE_MS)
    expect(await call(ticket)).toBe('200 ok')
    await pause(OVER_MS - DUE_MS)
    const later = await apiCall(stack, ticket, '/api/x')
    expect(later.status).toBe(503)
    expect(Number(later.headers.get('retry-after'))).toBeGreaterThan(0)
    await pause(Number(later.headers.get('retry-after')) * 1000 + 1300)
    expect(await call(ticket)).toBe('200 ok')
    expect(outcomes.map(({ status }) => status)).toEqual([503, 503, 200])
  })
})

describe('a provider that is slow', () => {
  it('T-RENEW-01 is asked once, and keeps nobody waiting while the old token is good', async () => {
    const { stack, outcomes, call } = await start(LONG, { delayMs: 6000 })
    const ticket = await signInOverHttp(stack)
    await pause(DUE_MS * LONG)
    const answers = await Promise.all(Array.from({ length: 20 }, () => call(ticket)))
    expect(answers).toEqual(Array.from({ length: 20 }, () => '200 ok'))
    expect(outcomes, 'the provider is still at it').toEqual([])
    await pause(6500)
    expect(await call(ticket)).toBe('200 ok')
    expect(outcomes.every(({ status }) => status === 200)).toBe(true)
    const sent = outcomes.map(({ refreshToken }) => refreshToken)
    expect(new Set(sent).size, 'each refresh token is sent once').toBe(sent.length)
  })
})
