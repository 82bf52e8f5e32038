import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { newRing } from '../../../../test/support/session-fixture.ts'
import { decodeBase64url, decodeUtf8, encodeBase64url, encodeUtf8 } from '../core/bytes.ts'
import { createKeyRing } from '../ring/key-ring.ts'
import { generateKeyRing, type KeyRingFile } from '../ring/ring-file.ts'
import { keptContext } from './place.ts'
import { openValue, sealedLength, sealValue } from './seal-value.ts'

const BINDING = { purpose: 'seal', context: ['https://a.example', 'idp', 'client'] } as const
const BYTES = encodeUtf8('a secret of some length')

function flipped(value: string, bit: number): string {
  const bytes = decodeBase64url(value)?.slice() ?? new Uint8Array(0)
  bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7))
  return encodeBase64url(bytes)
}

describe('sealValue and openValue', () => {
  it('opens format 1 for good', () => {
    const golden = JSON.parse(
      readFileSync(new URL('./golden/value-v1.json', import.meta.url), 'utf8'),
    ) as { readonly file: KeyRingFile; readonly value: string; readonly text: string }
    const opened = openValue(createKeyRing(golden.file), { ...BINDING, value: golden.value })
    expect(opened.ok && decodeUtf8(opened.bytes)).toBe(golden.text)
  })

  it('opens what it sealed, empty and large, in this and in another process', () => {
    const file = generateKeyRing()
    const [here, elsewhere] = [createKeyRing(file), createKeyRing(file)]
    const keyId = here.current.id
    for (const length of [0, 1, 15, 16, 17, 4096, 100_000]) {
      const bytes = Buffer.alloc(length).map((_, index) => index * 13)
      const value = sealValue(here, { ...BINDING, bytes })
      expect(value.length).toBe(sealedLength(length))
      expect(openValue(here, { ...BINDING, value })).toEqual({ ok: true, bytes, keyId })
      expect(openValue(elsewhere, { ...BINDING, value })).toEqual({ ok: true, bytes, keyId })
    }
  })

  it('T-SEAL-01 refuses every flipped bit and every truncation', () => {
    const ring = newRing()
    const value = sealValue(ring, { ...BINDING, bytes: BYTES })
    const bits = (decodeBase64url(value)?.length ?? 0) * 8
    for (let bit = 0; bit < bits; bit += 1) {
      expect(openValue(ring, { ...BINDING, value: flipped(value, bit) }).ok, `${bit}`).toBe(false)
    }
    for (let length = 0; length < value.length; length += 1) {
      expect(openValue(ring, { ...BINDING, value: value.slice(0, length) }).ok).toBe(false)
    }
    for (const added of ['A', 'AA', 'AAAA', '=', '\n', ' ']) {
      expect(openValue(ring, { ...BINDING, value: value + added }).ok).toBe(false)
    }
  })

  it('T-SEAL-01 opens nothing that was made for another purpose or place', () => {
    const ring = newRing()
    const value = sealValue(ring, { ...BINDING, bytes: BYTES })
    const places = [
      { ...BINDING, purpose: 'transaction' as const },
      { ...BINDING, context: ['https://b.example', 'idp', 'client'] },
      { ...BINDING, context: ['https://a.example', 'idp'] },
      { ...BINDING, context: ['https://a.example', 'idp', 'client', ''] },
      { ...BINDING, context: ['https://a.exampleidp', '', 'client'] },
      { ...BINDING, context: ['https://a.example","idp', 'client'] },
      { ...BINDING, context: [] },
    ]
    for (const place of places) {
      expect(openValue(ring, { ...place, value })).toEqual({ ok: false, reason: 'tampered' })
    }
  })

  it('T-SEAL-01 binds a kept context as any other, for each purpose', () => {
    const ring = newRing()
    const kept = keptContext(...BINDING.context)
    for (const purpose of ['seal', 'transaction', 'seal'] as const) {
      const value = sealValue(ring, { purpose, context: kept, bytes: BYTES })
      const here = { purpose, context: [...kept], value }
      expect(openValue(ring, here).ok).toBe(true)
      expect(openValue(ring, { ...here, context: kept }).ok).toBe(true)
      const other = keptContext('https://b.example', 'idp', 'client')
      expect(openValue(ring, { ...here, context: other }).ok).toBe(false)
      const otherPurpose = purpose === 'seal' ? 'card' : 'seal'
      expect(openValue(ring, { ...here, context: kept, purpose: otherPurpose }).ok).toBe(false)
    }
    expect(() => Object.assign(kept, { 0: 'https://b.example' })).toThrow(TypeError)
  })

  it('T-SEAL-01 never uses a nonce twice, and one prefix for a process', () => {
    const ring = newRing()
    const nonces = Array.from({ length: 20_000 }, () => {
      const bytes = decodeBase64url(sealValue(ring, { ...BINDING, bytes: BYTES }))
      return encodeBase64url(bytes?.subarray(7, 31) ?? new Uint8Array(0))
    })
    expect(new Set(nonces).size).toBe(nonces.length)
    expect(new Set(nonces.map((nonce) => nonce.slice(0, 16))).size).toBe(1)
    const again = createKeyRing(generateKeyRing())
    const other = decodeBase64url(sealValue(again, { ...BINDING, bytes: BYTES }))?.subarray(7, 19)
    expect(encodeBase64url(other ?? new Uint8Array(0))).not.toBe(nonces[0]?.slice(0, 16))
  })

  it('T-SEAL-03 says unknown_key for a foreign ring, and opens under a key that only opens', () => {
    const old = generateKeyRing()
    const value = sealValue(createKeyRing(old), { ...BINDING, bytes: BYTES })
    expect(openValue(newRing(), { ...BINDING, value })).toEqual({
      ok: false,
      reason: 'unknown_key',
    })
    const rotated = createKeyRing({
      version: 1,
      keys: [
        ...generateKeyRing().keys,
        ...old.keys.map((key) => ({ ...key, state: 'opening' as const })),
      ],
    })
    const opened = openValue(rotated, { ...BINDING, value })
    expect(opened.ok && opened.keyId).toBe(old.keys[0]?.id)
    expect(rotated.current.id).not.toBe(old.keys[0]?.id)
  })

  it('refuses another key under a known id', () => {
    const file = generateKeyRing()
    const value = sealValue(createKeyRing(file), { ...BINDING, bytes: BYTES })
    const impostor = generateKeyRing().keys.map((key) => ({
      ...key,
      id: file.keys[0]?.id ?? '',
    }))
    const opened = openValue(createKeyRing({ version: 1, keys: impostor }), { ...BINDING, value })
    expect(opened).toEqual({ ok: false, reason: 'tampered' })
  })

  it('opens while the ring, asked for the key, seals and opens other values', () => {
    const file = generateKeyRing()
    const value = sealValue(createKeyRing(file), { ...BINDING, bytes: BYTES })
    const ring = createKeyRing(file)
    const other = newRing()
    const asked = {
      ...ring,
      key: (id: string) => {
        const inner = sealValue(other, { ...BINDING, bytes: new Uint8Array(500) })
        expect(openValue(other, { ...BINDING, value: inner }).ok).toBe(true)
        return ring.key(id)
      },
    }
    for (let time = 0; time < 3; time += 1) {
      expect(openValue(asked, { ...BINDING, value })).toMatchObject({
        ok: true,
        bytes: Buffer.from(BYTES),
      })
    }
  })

  it('refuses garbage without throwing', () => {
    const ring = newRing()
    for (const value of [
      '',
      'x',
      '=',
      '\u0000',
      'A'.repeat(63),
      'A'.repeat(100_000),
      'ü'.repeat(80),
    ]) {
      expect(openValue(ring, { ...BINDING, value }).ok).toBe(false)
    }
  })
})
