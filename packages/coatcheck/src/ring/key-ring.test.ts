import { readFileSync } from 'node:fs'
import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { encodeBase64url, encodeUtf8 } from '../core/bytes.ts'
import { CoatcheckError } from '../core/errors.ts'
import { constantTimeEqual } from './constant-time.ts'
import { createKeyRing, type Purpose } from './key-ring.ts'
import { generateKeyRing, type KeyRingFile } from './ring-file.ts'

const golden = JSON.parse(
  readFileSync(new URL('./golden/ring-v1.json', import.meta.url), 'utf8'),
) as {
  readonly file: KeyRingFile
  readonly macs: Readonly<Record<Purpose, string>>
}

function refusal(file: unknown): CoatcheckError {
  try {
    createKeyRing(file as KeyRingFile)
  } catch (error) {
    if (error instanceof CoatcheckError) return error
  }
  throw new Error('the ring was accepted')
}

describe('createKeyRing', () => {
  it('reads format 1 for good: ids, order, and every subkey stay what they were', () => {
    const ring = createKeyRing(golden.file)
    expect(ring.keys.map(({ id }) => id)).toEqual(golden.file.keys.map(({ id }) => id))
    expect(ring.current.id).toBe(golden.file.keys[1]?.id)
    for (const [purpose, mac] of Object.entries(golden.macs)) {
      expect(encodeBase64url(ring.current.mac(purpose as Purpose, 'a', encodeUtf8('b')))).toBe(mac)
    }
  })

  it('seals with the first active key and opens with all', () => {
    const [one, two] = [generateKeyRing().keys[0], generateKeyRing().keys[0]]
    if (one === undefined || two === undefined) throw new Error('no key')
    const ring = createKeyRing({ version: 1, keys: [{ ...one, state: 'opening' }, two] })
    expect(ring.current.id).toBe(two.id)
    expect(ring.key(one.id)?.id).toBe(one.id)
    expect(ring.key('AAAAAAAA')).toBeUndefined()
  })

  it('gives every purpose a subkey of its own, and keeps it', () => {
    const { current } = createKeyRing(generateKeyRing())
    const purposes: readonly Purpose[] = ['ticket', 'lookup', 'card', 'transaction', 'seal', 'form']
    const keys = purposes.map((purpose) => current.subkey(purpose).export().toString('hex'))
    expect(new Set(keys).size).toBe(purposes.length)
    expect(current.subkey('seal')).toBe(current.subkey('seal'))
  })

  it('T-SESSION-06 tells lists of parts apart that join to the same text', () => {
    const { current } = createKeyRing(generateKeyRing())
    const lists = [['ab', 'c'], ['a', 'bc'], ['abc'], ['abc', ''], ['', 'abc'], ['a', 'b', 'c']]
    const macs = lists.map((parts) => encodeBase64url(current.mac('lookup', ...parts)))
    expect(new Set(macs).size).toBe(lists.length)
  })

  it('T-SEAL-03 refuses weak secrets: short, repeated, typed', () => {
    const key = generateKeyRing().keys[0]
    const secrets = [
      encodeBase64url(new Uint8Array(16).map((_, index) => index * 7)),
      encodeBase64url(new Uint8Array(32)),
      encodeBase64url(new Uint8Array(32).fill(0x5a)),
      encodeBase64url(new Uint8Array(32).map((_, index) => index & 3)),
      encodeBase64url(encodeUtf8('correct horse battery staple 123')),
      'correct horse battery staple',
      '',
    ]
    for (const secret of secrets) {
      const error = refusal({ version: 1, keys: [{ ...key, secret }] })
      expect(error.code, secret).toBe('key_ring_invalid')
      if (secret !== '') expect(inspect(error)).not.toContain(secret)
    }
  })

  it('names all faults at once', () => {
    const key = generateKeyRing().keys[0]
    const { message } = refusal({
      version: 1,
      keys: [{ ...key, id: 'short' }, { ...key, state: 'retired' }, null, key, key],
    })
    for (const part of ['keys[0].id', 'keys[1].state', 'keys[2].secret', 'keys[4].id']) {
      expect(message).toContain(part)
    }
  })

  it('refuses what is no ring', () => {
    for (const file of [null, {}, [], 'x', { version: 2, keys: [] }, { version: 1, keys: [] }]) {
      expect(refusal(file).code).toBe('key_ring_invalid')
    }
    const [key] = generateKeyRing().keys
    expect(refusal({ version: 1, keys: [{ ...key, state: 'opening' }] }).message).toContain(
      'active',
    )
  })

  it('prints no key', () => {
    const file = generateKeyRing()
    const ring = createKeyRing(file)
    const secret = file.keys[0]?.secret ?? ''
    const hex = Buffer.from(secret, 'base64url').toString('hex')
    const printed = inspect(ring, { depth: 9, showHidden: true }) + JSON.stringify(ring)
    expect(printed).not.toContain(secret)
    expect(printed).not.toContain(hex)
  })
})

describe('generateKeyRing', () => {
  it('makes another ring each time', () => {
    const ids = Array.from({ length: 200 }, () => generateKeyRing().keys[0])
    expect(new Set(ids.map((key) => key?.id)).size).toBe(200)
    expect(new Set(ids.map((key) => key?.secret)).size).toBe(200)
  })
})

describe('constantTimeEqual', () => {
  it('compares bytes and lengths', () => {
    expect(constantTimeEqual(Uint8Array.of(1, 2), Uint8Array.of(1, 2))).toBe(true)
    expect(constantTimeEqual(Uint8Array.of(1, 2), Uint8Array.of(1, 3))).toBe(false)
    expect(constantTimeEqual(Uint8Array.of(1, 2), Uint8Array.of(1, 2, 3))).toBe(false)
    expect(constantTimeEqual(new Uint8Array(0), new Uint8Array(0))).toBe(true)
  })
})
