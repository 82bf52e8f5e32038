import type { Bytes } from '../core/bytes.ts'

const FIRST_BYTES = 2048
// Beyond this a doubled whole number is no longer exact.
const MAX_WHOLE = 2 ** 50

/** Writes numbers, bytes and texts behind one another, each in as few bytes as tell where it ends. */
export class FrameWriter {
  #buffer: Buffer<ArrayBuffer>
  #length = 0

  constructor(expectedBytes: number = FIRST_BYTES) {
    this.#buffer = Buffer.allocUnsafeSlow(expectedBytes)
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

  /** Text and its length; what UTF-8 would spoil (a lone surrogate) as UTF-16. */
  text(text: string): void {
    const utf8 = Buffer.from(text, 'utf8')
    const isPlain = utf8.length === text.length || utf8.toString('utf8') === text
    const bytes = isPlain ? utf8 : Buffer.from(text, 'utf16le')
    this.uint(bytes.length * 2 + (isPlain ? 0 : 1))
    this.raw(bytes)
  }

  /** What was written. */
  bytes(): Bytes {
    return this.#buffer.subarray(0, this.#length)
  }

  #grow(bytes: number): void {
    const needed = this.#length + bytes
    if (needed <= this.#buffer.length) return
    const grown = Buffer.allocUnsafeSlow(needed * 2)
    grown.set(this.bytes())
    this.#buffer = grown
  }
}

/**
 * Reads what a {@link FrameWriter} wrote. Never throws: where something is missing it gives nothing, and
 * {@link FrameReader.isWhole} is false for good.
 */
export class FrameReader {
  readonly #buffer: Buffer
  #offset = 0
  #isBroken = false

  constructor(bytes: Uint8Array) {
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** Nothing was missing, and nothing is left. */
  get isWhole(): boolean {
    return !this.#isBroken && this.#offset === this.#buffer.length
  }

  uint(): number {
    let value = 0
    for (let factor = 1; factor < 2 ** 50; factor *= 0x80) {
      const byte = this.#buffer[this.#offset++]
      if (byte === undefined) return this.#fail(0)
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return Number.isSafeInteger(value) ? value : this.#fail(0)
    }
    return this.#fail(0)
  }

  number(base = 0): number {
    const tagged = this.uint()
    if (tagged === 1) {
      const bytes = Buffer.from(this.raw(8))
      return bytes.length === 8 ? bytes.readDoubleLE() : 0
    }
    const whole = Math.floor(tagged / 4)
    return (tagged & 2) === 0 ? base + whole : base - whole
  }

  /** The next bytes, in place. */
  raw(length: number): Uint8Array {
    const end = this.#offset + length
    if (end > this.#buffer.length) return this.#fail(new Uint8Array(0))
    const { buffer, byteOffset } = this.#buffer
    const bytes = new Uint8Array(buffer, byteOffset + this.#offset, length)
    this.#offset = end
    return bytes
  }

  text(): string {
    const tagged = this.uint()
    return this.string(Math.floor(tagged / 2), tagged % 2 === 0 ? 'utf8' : 'utf16le')
  }

  /** The next bytes as a string. */
  string(length: number, encoding: 'utf8' | 'utf16le' | 'base64url' | 'latin1'): string {
    const end = this.#offset + length
    if (end > this.#buffer.length) return this.#fail('')
    const text = this.#buffer.toString(encoding, this.#offset, end)
    this.#offset = end
    return text
  }

  /** All that is left. */
  rest(): Uint8Array {
    return this.raw(Math.max(0, this.#buffer.length - this.#offset))
  }

  /** What was read makes no sense. */
  refuse(): void {
    this.#fail(undefined)
  }

  #fail<T>(nothing: T): T {
    this.#isBroken = true
    this.#offset = this.#buffer.length
    return nothing
  }
}
