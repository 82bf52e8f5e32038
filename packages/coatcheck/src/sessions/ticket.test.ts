import { describe, expect, it } from 'vitest'
import { decodeBase64url, encodeBase64url } from '../core/bytes.ts'
import { systemRandom } from '../core/random.ts'
import { createTicket, parseTicket, ticketHash } from './ticket.ts'

describe('createTicket', () => {
  it('T-SESSION-01 has 16 random bytes to be found by and 32 to be opened with', () => {
    const asked: number[] = []
    const { value, id, secret } = createTicket((length) => {
      asked.push(length)
      return systemRandom(length)
    })
    expect(asked.reduce((sum, length) => sum + length)).toBe(48)
    expect(value).toMatch(/^[\w-]{64}$/)
    expect(secret.length).toBe(32)
    expect(parseTicket(value)).toEqual({ id, secret })
  })

  it('never makes the same one twice', () => {
    const values = Array.from({ length: 10_000 }, () => createTicket(systemRandom).value)
    expect(new Set(values).size).toBe(values.length)
    expect(new Set(values.map(ticketHash)).size).toBe(values.length)
  })
})

describe('parseTicket', () => {
  it('has one spelling for each ticket', () => {
    const { value } = createTicket((length) => new Uint8Array(length).fill(0xfb))
    expect(parseTicket(value)).toBeDefined()
    expect(parseTicket(value.replaceAll('-', '+').replaceAll('_', '/'))).toBeUndefined()
    for (let index = 0; index < 64; index += 1) {
      for (const character of ['=', ' ', '\n', '\u0000', '.', 'ä', '\u0141']) {
        const changed = value.slice(0, index) + character + value.slice(index + 1)
        expect(parseTicket(changed)).toBeUndefined()
      }
    }
  })

  it('refuses every other length', () => {
    for (let length = 0; length < 200; length += 1) {
      const parsed = parseTicket('A'.repeat(length))
      expect(parsed === undefined, `${length}`).toBe(length !== 64)
    }
  })

  it('finds the id in the first 16 bytes and nowhere else', () => {
    const bytes = new Uint8Array(48).map((_, index) => index)
    const parsed = parseTicket(encodeBase64url(bytes))
    expect(decodeBase64url(parsed?.id ?? '')).toEqual(bytes.slice(0, 16))
    expect(parsed?.secret).toEqual(bytes.slice(16))
  })
})
