import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as pages from './base64url.page.ts'
import * as servers from './base64url.ts'

describe('base64url in pages', () => {
  it('writes and reads as on servers', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (array) => {
        const bytes = new Uint8Array(array)
        const text = pages.encodeBase64url(bytes)
        expect(text).toBe(servers.encodeBase64url(bytes))
        expect(pages.decodeBase64url(text)).toEqual(bytes)
      }),
    )
  })

  it('takes the one spelling that servers take, and no other', () => {
    const character = fc.constantFrom(...'AZaz09-_+/= \n.,ü\u0161\0')
    fc.assert(
      fc.property(fc.string({ unit: character, maxLength: 12 }), (text) => {
        expect(pages.decodeBase64url(text)).toEqual(servers.decodeBase64url(text))
      }),
      { numRuns: 5000 },
    )
  })
})
