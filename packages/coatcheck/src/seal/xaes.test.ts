import { createHash, createSecretKey } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../core/bytes.ts'
import { decryptXaes, encryptXaes } from './xaes.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const key = (byte: number) => createSecretKey(new Uint8Array(32).fill(byte))
const NONCE = encodeUtf8('ABCDEFGHIJKLMNOPQRSTUVWX')
const PLAINTEXT = encodeUtf8('XAES-256-GCM')

describe('XAES-256-GCM', () => {
  it('T-SEAL-01 gives the published vectors', () => {
    expect(hex(encryptXaes(key(1), NONCE, PLAINTEXT, new Uint8Array(0)))).toBe(
      'ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271',
    )
    expect(hex(encryptXaes(key(3), NONCE, PLAINTEXT, encodeUtf8('c2sp.org/XAES-256-GCM')))).toBe(
      '986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d',
    )
  })

  it('T-SEAL-01 gives the published sum of 10,000 pseudo-random messages', () => {
    const stream = createHash('shake128', { outputLength: 6_000_000 }).digest()
    const sum = createHash('shake128', { outputLength: 32 })
    let offset = 0
    const read = (length: number): Uint8Array => {
      offset += length
      return new Uint8Array(stream.subarray(offset - length, offset))
    }
    for (let round = 0; round < 10_000; round += 1) {
      const secret = createSecretKey(read(32))
      const nonce = read(24)
      const plaintext = read(read(1)[0] ?? 0)
      const associated = read(read(1)[0] ?? 0)
      const sealed = encryptXaes(secret, nonce, plaintext, associated)
      sum.update(sealed)
      if (round % 100 === 0) {
        expect(decryptXaes(secret, nonce, sealed, associated)).toEqual(Buffer.from(plaintext))
      }
    }
    expect(sum.digest('hex')).toBe(
      'e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939',
    )
  })

  it('opens what it sealed and nothing else', () => {
    const sealed = encryptXaes(key(1), NONCE, PLAINTEXT, new Uint8Array(0))
    expect(decryptXaes(key(1), NONCE, sealed, new Uint8Array(0))).toEqual(Buffer.from(PLAINTEXT))
    expect(decryptXaes(key(2), NONCE, sealed, new Uint8Array(0))).toBeUndefined()
    for (let index = 0; index < sealed.length * 8; index += 1) {
      const flipped = sealed.slice()
      flipped[index >> 3] = (flipped[index >> 3] ?? 0) ^ (1 << (index & 7))
      expect(decryptXaes(key(1), NONCE, flipped, new Uint8Array(0))).toBeUndefined()
    }
    for (let length = 0; length < sealed.length; length += 1) {
      expect(
        decryptXaes(key(1), NONCE, sealed.subarray(0, length), new Uint8Array(0)),
      ).toBeUndefined()
    }
  })

  it('T-SEAL-01 derives a different subkey for every prefix', () => {
    const seen = new Set<string>()
    for (let first = 0; first < 256; first += 1) {
      const nonce = NONCE.slice()
      nonce[0] = first
      seen.add(
        createHash('sha256')
          .update(encryptXaes(key(1), nonce, PLAINTEXT, new Uint8Array(0)))
          .digest('hex'),
      )
    }
    expect(seen.size).toBe(256)
  })
})
