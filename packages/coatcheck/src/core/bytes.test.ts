import { describe, expect, it } from 'vitest'
import { concatBytes, decodeBase64url, decodeUtf8, encodeBase64url, encodeUtf8 } from './bytes.ts'

describe('base64url', () => {
  it('is what Buffer writes, for every length', () => {
    for (let length = 0; length < 70; length += 1) {
      const bytes = new Uint8Array(length).map((_, index) => (index * 37 + length) & 255)
      const text = encodeBase64url(bytes)
      expect(text).toBe(Buffer.from(bytes).toString('base64url'))
      expect(decodeBase64url(text)).toEqual(bytes)
    }
  })

  it('has one spelling for each value', () => {
    for (const text of [
      'a',
      'aGl=',
      'aG k',
      'aG+',
      'aG/',
      'aGl\n',
      'aGl',
      'ab',
      'ü',
      'aGk=',
      '=',
      'a\u0161ii',
    ]) {
      const decoded = decodeBase64url(text)
      if (decoded !== undefined) expect(encodeBase64url(decoded), text).toBe(text)
    }
    expect(decodeBase64url('aGl')).toBeUndefined()
    expect(decodeBase64url('aGk=')).toBeUndefined()
  })
})

describe('utf-8', () => {
  it('refuses what is not well-formed', () => {
    expect(decodeUtf8(Uint8Array.of(0xff))).toBeUndefined()
    expect(decodeUtf8(Uint8Array.of(0xc0, 0x80))).toBeUndefined()
    expect(decodeUtf8(encodeUtf8('\ufeffä'))).toBe('\ufeffä')
  })
})

describe('concatBytes', () => {
  it('joins', () => {
    expect(concatBytes(Uint8Array.of(1), Uint8Array.of(), Uint8Array.of(2, 3))).toEqual(
      Uint8Array.of(1, 2, 3),
    )
  })
})
