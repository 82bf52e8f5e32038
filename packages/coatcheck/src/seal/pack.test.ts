import { createHash } from 'node:crypto'
import { deflateRawSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MAX_TEXT_BYTES } from './deflate.ts'
import { dictionaryOf } from './dictionary.ts'
import { FrameReader, FrameWriter } from './frame.ts'
import { packSections, unpackSections } from './pack.ts'

const NOTHING = new Uint8Array(0)
const ALWAYS = (bytes: number): number => bytes

function packedText(text: Uint8Array, statedBytes: number, dictionary = 1): Uint8Array {
  const head = new FrameWriter()
  head.raw(Uint8Array.of(1, dictionary))
  head.uint(statedBytes)
  head.uint(0)
  head.raw(deflateRawSync(text, { dictionary: dictionaryOf(1) ?? NOTHING }))
  return head.bytes()
}

describe('packSections and unpackSections', () => {
  it('give back both sections', () => {
    const sections = fc.record({ kept: fc.uint8Array(), text: fc.uint8Array() })
    fc.assert(
      fc.property(sections, fc.boolean(), (given, deflated) => {
        const opened = unpackSections(packSections(given, deflated ? ALWAYS : undefined))
        expect(opened?.kept.rest()).toEqual(given.kept)
        expect(opened?.text.rest()).toEqual(given.text)
      }),
    )
  })

  it('T-SEAL-02 inflates to the stated length and no further, and never beyond the limit', () => {
    const zeros = (length: number) => new Uint8Array(length)
    expect(unpackSections(packedText(zeros(1000), 1000))).toBeDefined()
    const bomb = packedText(zeros(64 << 20), MAX_TEXT_BYTES)
    expect(bomb.length).toBeLessThan(70_000)
    for (const packed of [
      bomb,
      packedText(zeros(64 << 20), 64 << 20),
      packedText(zeros(MAX_TEXT_BYTES + 1), MAX_TEXT_BYTES + 1),
      packedText(zeros(1000), 999),
      packedText(zeros(1000), 1001),
      packedText(zeros(1000), 0),
      packedText(zeros(1000), 1000, 2),
      packedText(zeros(1000), 1000, 255),
    ]) {
      expect(unpackSections(packed)).toBeUndefined()
    }
  })

  it('leaves text beyond the limit as it is', () => {
    const text = new Uint8Array(MAX_TEXT_BYTES + 1)
    expect(packSections({ kept: NOTHING, text }, ALWAYS).length).toBeGreaterThan(text.length)
  })

  it('has dictionaries that never change', () => {
    const hash = createHash('sha256')
      .update(dictionaryOf(1) ?? NOTHING)
      .digest('hex')
    expect(hash).toBe('d67258a9237e0d2564f46afb0b87001f656dc8054ba81c4d026a560e38f2df62')
    expect(dictionaryOf(0)).toBeUndefined()
    expect(dictionaryOf(2)).toBeUndefined()
  })
})

describe('FrameWriter and FrameReader', () => {
  it('give back numbers and texts of all kinds', () => {
    const values = fc.array(
      fc.oneof(fc.double(), fc.maxSafeInteger(), fc.integer(), fc.string({ unit: 'binary' })),
    )
    fc.assert(
      fc.property(values, fc.maxSafeNat(), fc.maxSafeInteger(), (given, uint, base) => {
        const writer = new FrameWriter()
        for (const value of given) {
          if (typeof value === 'number') writer.number(value, base)
          else writer.text(value)
        }
        writer.uint(uint)
        const reader = new FrameReader(writer.bytes())
        for (const value of given) {
          const read = typeof value === 'number' ? reader.number(base) : reader.text()
          expect(Object.is(read, value), String(value)).toBe(true)
        }
        expect(reader.uint()).toBe(uint)
        expect(reader.isWhole).toBe(true)
      }),
    )
  })

  it('say when something is missing, left over or too large', () => {
    const reader = (...bytes: number[]) => new FrameReader(Uint8Array.of(...bytes))
    const missing = reader(0x80)
    expect([missing.uint(), missing.isWhole]).toEqual([0, false])
    expect(reader(0).isWhole).toBe(false)
    const huge = reader(...Array.from({ length: 9 }, () => 0xff))
    expect([huge.uint(), huge.isWhole]).toEqual([0, false])
    const long = reader(0xfe, 0xff, 0xff, 0x7f, 0x41)
    expect([long.text(), long.isWhole]).toEqual(['', false])
    const short = reader(1, 0, 0)
    expect([short.number(), short.isWhole]).toEqual([0, false])
  })

  it('T-SEAL-03 leave nothing of what was written in memory once they are wiped', () => {
    const writer = new FrameWriter(8)
    const before: Uint8Array[] = []
    for (const text of ['secret', 'another secret', 'x'.repeat(40_000)]) {
      writer.text(text)
      before.push(writer.bytes())
    }
    writer.wipe()
    expect(writer.bytes()).toHaveLength(0)
    expect(before.every((bytes) => bytes.every((byte) => byte === 0))).toBe(true)
    writer.text('again')
    expect(new FrameReader(writer.bytes()).text()).toBe('again')
  })

  it('take back what turns out not to be base64url', () => {
    const writer = new FrameWriter(4)
    writer.uint(7)
    expect([writer.base64url('AAAAB'), writer.base64url('AA=='), writer.length]).toEqual([
      false,
      false,
      1,
    ])
    expect([writer.base64url('AQID'), writer.length, writer.at(1), writer.at(4)]).toEqual([
      true,
      4,
      1,
      undefined,
    ])
    writer.cut(1)
    expect([...writer.bytes()]).toEqual([7])
  })
})
