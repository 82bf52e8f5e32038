import { describe, expect, it } from 'vitest'
import { createJtiMemory } from './dpop-jti-memory.ts'

function scene(maxEntries?: number) {
  let nowMs = 1_800_000_000_000
  const clock = () => nowMs
  const memory = createJtiMemory(maxEntries === undefined ? { clock } : { clock, maxEntries })
  const after = (ms: number) => nowMs + ms
  const pass = (ms: number) => {
    nowMs += ms
  }
  return { memory, after, pass }
}

describe('createJtiMemory', () => {
  it('T-BIND-05 grants each name once, as long as it lives', () => {
    const { memory, after, pass } = scene()
    expect(memory.claim('a', after(1000))).toBe(true)
    expect(memory.claim('a', after(1000))).toBe(false)
    expect(memory.claim('b', after(1000))).toBe(true)
    pass(999)
    expect(memory.claim('a', after(1000))).toBe(false)
    pass(1)
    expect(memory.claim('a', after(1000))).toBe(true)
  })

  it('T-BIND-05 refuses when it is full of names that live, and forgets none of them', () => {
    const { memory, after, pass } = scene(3)
    for (const name of ['a', 'b', 'c']) expect(memory.claim(name, after(1000))).toBe(true)
    expect(memory.claim('d', after(5000))).toBe(false)
    for (const name of ['a', 'b', 'c']) expect(memory.claim(name, after(1000))).toBe(false)
    expect(memory.size()).toBe(3)
    pass(1000)
    expect(memory.claim('d', after(5000))).toBe(true)
    expect(memory.size()).toBe(1)
  })

  it('T-BIND-05 never forgets a name early, whatever the order in which they end', () => {
    const { memory, after, pass } = scene()
    memory.claim('long', after(9000))
    memory.claim('short', after(1000))
    memory.claim('longer', after(12_000))
    pass(8999)
    expect(memory.claim('long', after(1))).toBe(false)
    expect(memory.claim('longer', after(1))).toBe(false)
    pass(3001)
    expect(memory.claim('next', after(1))).toBe(true)
    expect(memory.size()).toBe(1)
  })

  it('T-BIND-05 refuses a name that is over already, or that has no end', () => {
    const { memory, after } = scene()
    for (const end of [after(0), after(-1), Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(memory.claim('a', end)).toBe(false)
    }
    expect(memory.size()).toBe(0)
  })

  it('drops what is over a little with each claim, and holds up none of them', () => {
    const { memory, after, pass } = scene(200_000)
    for (let index = 0; index < 100_000; index += 1) {
      expect(memory.claim(`name ${index}`, after(65_000))).toBe(true)
      pass(1)
    }
    expect(memory.size()).toBe(65_000)
    pass(100_000)
    for (let index = 0; index < 65_000 / 60; index += 1) {
      const before = memory.size()
      expect(memory.claim(`then ${index}`, after(65_000))).toBe(true)
      expect(before - memory.size()).toBeLessThan(64)
    }
    expect(memory.size()).toBe(Math.ceil(65_000 / 60))
  })

  it('T-BIND-05 refuses nothing because of names that are over', () => {
    const { memory, after, pass } = scene(1000)
    for (let round = 0; round < 10; round += 1) {
      for (let index = 0; index < 1000; index += 1) {
        expect(memory.claim(`${round} ${index}`, after(1000))).toBe(true)
      }
      expect(memory.claim('one more', after(1000))).toBe(false)
      pass(1000)
    }
  })

  it.each([0, -1, Number.NaN, 1.5, Number.POSITIVE_INFINITY])('refuses %s as a bound', (bound) => {
    expect(() => createJtiMemory({ maxEntries: bound })).toThrow(/maxEntries/)
  })
})
