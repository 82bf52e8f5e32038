import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type KeptTokens, readKeptTokens, writeKeptTokens } from './kept-tokens.ts'

const KEPT: KeptTokens = {
  access_token: 'eyJh.eyJz.c2ln',
  token_type: 'Bearer',
  refresh_token: 'opaque ;=&"refresh',
  id_token: 'eyJh.eyJp.c2ln',
  scope: 'openid orders:read',
  renewed: '1',
  grant: 'b7c1',
  generation: 3,
  received_at: 1_800_000_000_000,
  expires_at: 1_800_000_300_000,
  clock_offset: -600_000,
}
// Version 1: what was released is read for ever.
const GOLDEN =
  'v=1&access_token=eyJh.eyJz.c2ln&token_type=Bearer&refresh_token=opaque+%3B%3D%26%22refresh&id_token=eyJh.eyJp.c2ln&scope=openid+orders%3Aread&renewed=1&grant=b7c1&generation=3&received_at=1800000000000&expires_at=1800000300000&clock_offset=-600000'

describe('writeKeptTokens', () => {
  it('writes version 1', () => {
    expect(writeKeptTokens(KEPT)).toBe(GOLDEN)
  })

  it('writes whole milliseconds, whatever clock or issuer count', () => {
    const kept = { ...KEPT, received_at: KEPT.received_at + 0.4, expires_at: 1_800_000_300_000.9 }
    expect(readKeptTokens(writeKeptTokens(kept))).toEqual(KEPT)
  })

  it('writes nothing that a cookie does not take', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const written = writeKeptTokens({ ...KEPT, refresh_token: text })
        expect(written).toMatch(/^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*$/)
      }),
    )
  })
})

describe('readKeptTokens', () => {
  it('reads version 1', () => {
    expect(readKeptTokens(GOLDEN)).toEqual(KEPT)
  })

  it('reads what was written, whatever the tokens hold', () => {
    const text = fc.string({ minLength: 1 })
    fc.assert(
      fc.property(text, text, text, fc.nat(), (access_token, refresh_token, scope, generation) => {
        const kept = { ...KEPT, access_token, refresh_token, scope, generation }
        expect(readKeptTokens(writeKeptTokens(kept))).toEqual(kept)
      }),
    )
  })

  it.each([
    ['nothing', ''],
    ['JSON of another library', '{"access_token":"a"}'],
    ['another version', GOLDEN.replace('v=1', 'v=2')],
    ['no version', GOLDEN.replace('v=1&', '')],
    ['a doubled member', `${GOLDEN}&access_token=another`],
    ['a doubled version', `v=1&${GOLDEN}`],
    ['an empty member too many', `${GOLDEN}&`],
    ['no access token', GOLDEN.replace('access_token=eyJh.eyJz.c2ln&', '')],
    ['an empty access token', GOLDEN.replace('access_token=eyJh.eyJz.c2ln', 'access_token=')],
    ['no grant', GOLDEN.replace('&grant=b7c1', '')],
    ['a time that is no number', GOLDEN.replace('1800000300000', 'never')],
    ['a time in another spelling', GOLDEN.replace('1800000300000', '1.8e12')],
    ['a time without end', GOLDEN.replace('1800000300000', '9'.repeat(400))],
    ['half of it', GOLDEN.slice(0, 80)],
  ])('takes for none of ours: %s', (_, text) => {
    expect(readKeptTokens(text)).toBeUndefined()
  })

  it('has no way to a prototype', () => {
    const read = readKeptTokens(`${GOLDEN}&__proto__=x&constructor=y`)
    expect(Object.getPrototypeOf(read)).toBe(Object.prototype)
    expect(({} as Record<string, unknown>).x).toBeUndefined()
  })

  it('never throws', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (text) => {
        readKeptTokens(text)
      }),
    )
  })
})
