import { describe, expect, it } from 'vitest'
import { START, tokenSet } from '../../../../test/support/session-fixture.ts'
import { systemRandom } from '../core/random.ts'
import { isHeldBack, renewalDueAt, retryAt } from './renewal-timing.ts'
import { createTicket } from './ticket.ts'

describe('renewalDueAt', () => {
  it('lies within the last half minute, and differs from session to session', () => {
    const end = START + 300_000
    const times = Array.from({ length: 2000 }, () => {
      return renewalDueAt(tokenSet(), createTicket(systemRandom).id, 30_000) ?? 0
    })
    for (const at of times) {
      expect(at).toBeGreaterThanOrEqual(end - 30_000)
      expect(at).toBeLessThanOrEqual(end - 22_500)
    }
    // Spread over all of it, not in a heap.
    const quarters = [0, 0, 0, 0]
    for (const at of times) {
      const quarter = Math.min(3, Math.floor((at - (end - 30_000)) / 1875))
      quarters[quarter] = (quarters[quarter] ?? 0) + 1
    }
    for (const count of quarters) expect(count).toBeGreaterThan(350)
  })

  it('is the same in every process', () => {
    const { id } = createTicket(systemRandom)
    expect(renewalDueAt(tokenSet(), id, 30_000)).toBe(renewalDueAt(tokenSet(), id, 30_000))
  })

  it('never takes more than half of a short life', () => {
    const short = tokenSet({ accessTokenExpiresAt: START + 2000 })
    for (let round = 0; round < 200; round += 1) {
      const { id } = createTicket(systemRandom)
      expect(renewalDueAt(short, id, 30_000)).toBeGreaterThanOrEqual(START + 1000)
    }
  })
})

describe('retryAt', () => {
  it('comes soon at first, then ever later, half a minute at most', () => {
    const waits = [1, 2, 3, 6, 7, 50].map(
      (failures) => retryAt(START, failures, undefined, () => 0.5) - START,
    )
    expect(waits).toEqual([500, 1000, 2000, 16_000, 30_000, 30_000])
    expect(retryAt(START, 1, undefined, () => 0) - START).toBe(375)
    expect(retryAt(START, 1, undefined, () => 1) - START).toBe(625)
  })

  it('is what the provider says, five minutes at most', () => {
    expect(retryAt(START, 9, 7, () => 1)).toBe(START + 7000)
    expect(retryAt(START, 1, 86_400, () => 1)).toBe(START + 300_000)
  })
})

describe('isHeldBack', () => {
  it('does not believe a time that a clock far ahead has written', () => {
    const base = { tokenSet: tokenSet(), createdAt: START, absoluteEndsAt: START, subjectKey: 's' }
    expect(isHeldBack(base, START)).toBe(false)
    expect(isHeldBack({ ...base, renewalRetryAt: START + 1 }, START)).toBe(true)
    expect(isHeldBack({ ...base, renewalRetryAt: START }, START)).toBe(false)
    expect(isHeldBack({ ...base, renewalRetryAt: START + 300_001 }, START)).toBe(false)
  })
})
