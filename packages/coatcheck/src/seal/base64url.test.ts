import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeBase64url, encodeBase64url } from '../core/bytes.ts'
import { readBase64url, writeBase64url } from './base64url.ts'

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
// What decoders forgive, and letters whose lower byte is one of the alphabet.
const STRANGE = ['+', '/', '=', ' ', '\n', '.', '\u0000', '\u00e9', '\u0141', '\u6141', '\ud800']

describe('readBase64url and writeBase64url', () => {
  it('give back any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 5000 }), (bytes) => {
        const text = writeBase64url(bytes)
        expect(text).toBe(encodeBase64url(bytes))
        expect(Buffer.from(readBase64url(text) ?? [255]).equals(bytes)).toBe(true)
      }),
    )
  })

  it('T-SEAL-01 takes the one spelling that the portable reader takes, and no other', () => {
    const letter = fc.oneof(
      { weight: 40, arbitrary: fc.constantFrom(...LETTERS) },
      { weight: 1, arbitrary: fc.constantFrom(...STRANGE) },
    )
    const text = fc.array(letter, { maxLength: 80 }).map((letters) => letters.join(''))
    fc.assert(
      fc.property(text, (given) => {
        const read = readBase64url(given)
        const expected = decodeBase64url(given)
        expect(read === undefined).toBe(expected === undefined)
        if (read !== undefined) expect(writeBase64url(read)).toBe(given)
      }),
      { numRuns: 5000 },
    )
  })

  it('T-SEAL-01 refuses a strange letter at any place of a long text, and stray bits at its end', () => {
    for (const length of [60, 61, 62, 2048]) {
      const text = writeBase64url(new Uint8Array(length).map((_, index) => index * 7))
      for (const strange of STRANGE) {
        for (const at of [0, 1, 2, 3, 30, text.length - 2, text.length - 1, text.length]) {
          expect(readBase64url(text.slice(0, at) + strange + text.slice(at))).toBeUndefined()
          expect(readBase64url(text.slice(0, at) + strange + text.slice(at + 1))).toBeUndefined()
        }
      }
      for (const last of LETTERS) {
        const changed = text.slice(0, -1) + last
        expect(readBase64url(changed) === undefined).toBe(decodeBase64url(changed) === undefined)
      }
    }
  })
})
