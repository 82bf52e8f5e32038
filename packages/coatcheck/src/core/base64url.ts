import type { Bytes } from './bytes.ts'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const INVALID = 255
const VALUES = new Uint8Array(128).fill(INVALID)
for (let index = 0; index < ALPHABET.length; index += 1) {
  VALUES[ALPHABET.charCodeAt(index)] = index
}

/**
 * Bytes as base64url without padding.
 *
 * @see RFC 4648, section 5; RFC 7515, section 2
 * @example
 * encodeBase64url(encodeUtf8('hi')) // 'aGk'
 */
export function encodeBase64url(bytes: Uint8Array): string {
  let text = ''
  let index = 0
  for (; index + 2 < bytes.length; index += 3) {
    const group =
      ((bytes[index] ?? 0) << 16) | ((bytes[index + 1] ?? 0) << 8) | (bytes[index + 2] ?? 0)
    text += symbol(group >> 18) + symbol(group >> 12) + symbol(group >> 6) + symbol(group)
  }
  const rest = bytes.length - index
  if (rest === 1) {
    const group = (bytes[index] ?? 0) << 16
    text += symbol(group >> 18) + symbol(group >> 12)
  } else if (rest === 2) {
    const group = ((bytes[index] ?? 0) << 16) | ((bytes[index + 1] ?? 0) << 8)
    text += symbol(group >> 18) + symbol(group >> 12) + symbol(group >> 6)
  }
  return text
}

/**
 * base64url as bytes; `undefined` for anything but the one canonical spelling: padding, white space,
 * `+`, `/` and stray trailing bits are all refused, so that two spellings never mean one value.
 *
 * @see RFC 4648, section 3.5
 * @example
 * decodeBase64url('aGk') // 2 bytes
 */
export function decodeBase64url(text: string): Bytes | undefined {
  const rest = text.length & 3
  if (rest === 1) return undefined
  const bytes = new Uint8Array((text.length * 3) >> 2)
  let written = 0
  let group = 0
  let bits = 0
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index)
    const value = code < 128 ? (VALUES[code] ?? INVALID) : INVALID
    if (value === INVALID) return undefined
    group = ((group << 6) | value) & 0xff_ff_ff
    bits += 6
    if (bits >= 8) {
      bits -= 8
      bytes[written] = (group >> bits) & 0xff
      written += 1
    }
  }
  if ((group & ((1 << bits) - 1)) !== 0) return undefined
  return bytes
}

function symbol(value: number): string {
  return ALPHABET[value & 63] ?? ''
}
