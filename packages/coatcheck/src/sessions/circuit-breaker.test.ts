import { describe, expect, it } from 'vitest'
import { manualClock } from '../../../../test/support/session-fixture.ts'
import { createCircuitBreaker } from './circuit-breaker.ts'

function setUp() {
  const { clock, pass } = manualClock()
  const told: (number | 'resumed')[] = []
  const breaker = createCircuitBreaker({
    clock,
    jitter: () => 0.5,
    onPause: (ms) => told.push(ms),
    onResume: () => told.push('resumed'),
  })
  const fail = (times: number): void => {
    for (let index = 0; index < times; index += 1) breaker.failed()
  }
  return { breaker, pass, fail, told }
}

describe('createCircuitBreaker', () => {
  it('stays closed while answers come in between', () => {
    const { breaker, fail, told } = setUp()
    for (let round = 0; round < 20; round += 1) {
      fail(9)
      breaker.answered()
    }
    expect([breaker.isOpen(), breaker.admit(), told]).toEqual([false, true, []])
  })

  it('opens after ten failures in a row, and lets one try after the pause', () => {
    const { breaker, pass, fail, told } = setUp()
    fail(10)
    expect(told).toEqual([1000])
    expect(breaker.admit()).toBe(false)
    expect(breaker.waitMs()).toBe(1000)
    pass(999)
    expect(breaker.admit()).toBe(false)
    pass(1)
    expect(breaker.isOpen()).toBe(false)
    expect([breaker.admit(), breaker.admit(), breaker.isOpen()]).toEqual([true, false, true])
    breaker.answered()
    expect([breaker.admit(), breaker.admit()]).toEqual([true, true])
    expect(told).toEqual([1000, 'resumed'])
  })

  it('doubles its pauses up to half a minute', () => {
    const { breaker, pass, fail, told } = setUp()
    fail(10)
    for (let round = 0; round < 7; round += 1) {
      pass(30_000)
      expect(breaker.admit()).toBe(true)
      breaker.failed()
    }
    expect(told).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000])
  })

  it('is not opened further by calls that were under way', () => {
    const { fail, told } = setUp()
    fail(200)
    expect(told).toEqual([1000])
  })

  it('opens at once when it is asked to leave the provider alone, for a bounded time', () => {
    const { breaker, pass, told } = setUp()
    breaker.failed(7000)
    expect(told).toEqual([7000])
    pass(7000)
    expect(breaker.admit()).toBe(true)
    breaker.failed(86_400_000)
    expect(told).toEqual([7000, 30_000])
  })

  it('lets another try when the one who was let in never came back', () => {
    const { breaker, pass, fail } = setUp()
    fail(10)
    pass(1000)
    expect(breaker.admit()).toBe(true)
    pass(29_999)
    expect(breaker.admit()).toBe(false)
    pass(1)
    expect(breaker.admit()).toBe(true)
  })
})
