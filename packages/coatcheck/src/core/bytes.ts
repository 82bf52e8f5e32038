export { decodeBase64url, encodeBase64url } from '#base64url'

/** Bytes as every runtime accepts them: a `Uint8Array` over a plain `ArrayBuffer`. */
export type Bytes = Uint8Array<ArrayBuffer>

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Text as UTF-8.
 *
 * @example
 * const bytes = encodeUtf8('grün') // 5 bytes
 */
export function encodeUtf8(text: string): Bytes {
  return encoder.encode(text)
}

/**
 * UTF-8 as text; `undefined` when the bytes are not well-formed UTF-8. A byte order mark is kept.
 *
 * @example
 * decodeUtf8(encodeUtf8('grün')) // 'grün'
 */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes)
  } catch {
    return undefined
  }
}

/**
 * The parts behind one another in one new array.
 *
 * @example
 * concatBytes(encodeUtf8('a'), encodeUtf8('b')) // 'ab'
 */
export function concatBytes(...parts: readonly Uint8Array[]): Bytes {
  let length = 0
  for (const part of parts) length += part.length
  const bytes = new Uint8Array(length)
  let offset = 0
  for (const part of parts) {
    bytes.set(part, offset)
    offset += part.length
  }
  return bytes
}
