import type { Bytes } from '../core/bytes.ts'
import { decodedLength, decodeInto } from './base64url.ts'

const FIRST_BYTES = 2048
const MOST_KEPT_BYTES = 16_384
// Beyond this a doubled whole number is no longer exact.
const MAX_WHOLE = 2 ** 50

/** Writes numbers, bytes and texts behind one another, each in as few bytes as tell where it ends. */
export class FrameWriter {
  #buffer: Buffer<ArrayBuffer>
  #length = 0

  /** With the number of bytes to expect for a frame that is written once; without for one to be used again. */
  constructor(expectedBytes?: number) {
    this.#buffer =
      expectedBytes === undefined
        ? Buffer.allocUnsafeSlow(FIRST_BYTES)
        : Buffer.allocUnsafe(expectedBytes)
  }

  /** How many bytes were written. */
  get length(): number {
    return this.#length
  }

  /** A whole number from 0 to 2^53 - 1: seven bits a byte, the lowest first. */
  uint(value: number): void {
    this.#grow(8)
    let rest = value
    while (rest >= 0x80) {
      this.#buffer[this.#length++] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    this.#buffer[this.#length++] = rest
  }

  /** Any number: a whole one by its distance from the whole number `base`, all others as eight bytes. */
  number(value: number, base = 0): void {
    const distance = value - base
    if (Number.isInteger(value) && Math.abs(distance) < MAX_WHOLE && !Object.is(value, -0)) {
      this.uint(distance < 0 ? -distance * 4 + 2 : distance * 4)
      return
    }
    this.uint(1)
    this.#grow(8)
    this.#length = this.#buffer.writeDoubleLE(value, this.#length)
  }

  /** Bytes, whose length is known elsewhere. */
  raw(bytes: Uint8Array): void {
    this.#grow(bytes.length)
    this.#buffer.set(bytes, this.#length)
    this.#length += bytes.length
  }

  /** The bytes behind base64url; for anything but its canonical spelling nothing, and false. */
  base64url(text: string): boolean {
    const bytes = decodedLength(text)
    this.#grow(bytes)
    if (!decodeInto(this.#buffer, this.#length, text)) return false
    this.#length += bytes
    return true
  }

  /** Text and its length; what UTF-8 would spoil (a lone surrogate) as UTF-16. */
  text(text: string): void {
    const utf8 = Buffer.from(text, 'utf8')
    const isPlain = utf8.length === text.length || utf8.toString('utf8') === text
    const bytes = isPlain ? utf8 : Buffer.from(text, 'utf16le')
    this.uint(bytes.length * 2 + (isPlain ? 0 : 1))
    this.raw(bytes)
  }

  /** The byte at a place where one was written. */
  at(offset: number): number | undefined {
    return offset < this.#length ? this.#buffer[offset] : undefined
  }

  /** Takes back what was written from a place on. */
  cut(length: number): void {
    this.#length = Math.min(this.#length, length)
  }

  /** Forgets what was written, to be used again: nothing of it stays in memory. */
  wipe(): void {
    this.#buffer.fill(0, 0, this.#length)
    this.#length = 0
    if (this.#buffer.length > MOST_KEPT_BYTES) this.#buffer = Buffer.allocUnsafeSlow(FIRST_BYTES)
  }

  /** What was written, in place. */
  bytes(): Bytes {
    return this.#buffer.subarray(0, this.#length)
  }

  #grow(bytes: number): void {
    const needed = this.#length + bytes
    if (needed <= this.#buffer.length) return
    const grown = Buffer.allocUnsafe(needed * 2)
    grown.set(this.bytes())
    this.#buffer.fill(0, 0, this.#length)
    this.#buffer = grown
  }
}

/** How bytes of a frame are told as a string. */
export type FrameEncoding = 'utf8' | 'utf16le' | 'base64url' | 'latin1'

/**
 * Reads what a {@link FrameWriter} wrote. Never throws: where something is missing it gives nothing, and
 * {@link FrameReader.isWhole} is false for good.
 */
export class FrameReader {
  readonly #buffer: Buffer
  readonly #end: number
  #offset: number
  #isBroken = false

  constructor(bytes: Uint8Array, start = 0, end: number = bytes.length) {
    this.#buffer =
      bytes instanceof Buffer
        ? bytes
        : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#offset = start
    this.#end = end
  }

  /** Nothing was missing, and nothing is left. */
  get isWhole(): boolean {
    return !this.#isBroken && this.#offset === this.#end
  }

  /** How many bytes are left. */
  get left(): number {
    return this.#end - this.#offset
  }

  uint(): number {
    let value = 0
    for (let factor = 1; factor < 2 ** 50; factor *= 0x80) {
      if (this.#offset >= this.#end) return this.#fail(0)
      const byte = this.#buffer[this.#offset++] ?? 0
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return Number.isSafeInteger(value) ? value : this.#fail(0)
    }
    return this.#fail(0)
  }

  number(base = 0): number {
    const tagged = this.uint()
    if (tagged === 1) {
      const start = this.skip(8)
      return this.#isBroken ? 0 : this.#buffer.readDoubleLE(start)
    }
    const whole = Math.floor(tagged / 4)
    return (tagged & 2) === 0 ? base + whole : base - whole
  }

  text(): string {
    const tagged = this.uint()
    return this.string(Math.floor(tagged / 2), tagged % 2 === 0 ? 'utf8' : 'utf16le')
  }

  /** A text that may never be asked for. */
  laterText(): () => string {
    const tagged = this.uint()
    const part = this.part(Math.floor(tagged / 2))
    return () => part.toString(tagged % 2 === 0 ? 'utf8' : 'utf16le')
  }

  /** The next bytes as a string. */
  string(length: number, encoding: FrameEncoding): string {
    const start = this.skip(length)
    return this.#buffer.toString(encoding, start, this.#offset)
  }

  /** The next bytes, to be told at any later time. */
  part(length: number): FramePart {
    const start = this.skip(length)
    return new FramePart(this.#buffer, start, this.#offset)
  }

  /** The next bytes as a frame of their own. */
  frame(length: number): FrameReader {
    const start = this.skip(length)
    return new FrameReader(this.#buffer, start, this.#offset)
  }

  /** All that is left, in place. */
  rest(): Uint8Array {
    const start = this.skip(this.left)
    const { buffer, byteOffset } = this.#buffer
    return new Uint8Array(buffer, byteOffset + start, this.#offset - start)
  }

  /** Leaves bytes out; gives the place where they stand. */
  skip(length: number): number {
    const start = this.#offset
    if (length > this.left) return this.#fail(this.#end)
    this.#offset = start + length
    return start
  }

  /** What was read makes no sense. */
  refuse(): void {
    this.#fail(undefined)
  }

  #fail<T>(nothing: T): T {
    this.#isBroken = true
    this.#offset = this.#end
    return nothing
  }
}

/** Bytes of a frame that are not needed yet. */
export class FramePart {
  readonly #buffer: Buffer
  readonly #start: number
  readonly #end: number

  constructor(buffer: Buffer, start: number, end: number) {
    this.#buffer = buffer
    this.#start = start
    this.#end = end
  }

  toString(encoding: FrameEncoding): string {
    return this.#buffer.toString(encoding, this.#start, this.#end)
  }

  /** Whether it is these very bytes. */
  equals(bytes: Uint8Array): boolean {
    const { length } = bytes
    if (this.#end - this.#start !== length) return false
    for (let index = 0; index < length; index += 1) {
      if (this.#buffer[this.#start + index] !== bytes[index]) return false
    }
    return true
  }

  /** The bytes, in memory of their own. */
  copy(): Uint8Array {
    return Uint8Array.prototype.slice.call(this.#buffer, this.#start, this.#end)
  }
}
