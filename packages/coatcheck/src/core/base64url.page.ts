import type { Bytes } from './bytes.ts'

/**
 * In pages: by the browser's own base64, which is smaller than a table and quicker.
 *
 * @see RFC 4648, section 5; RFC 7515, section 2
 */
export function encodeBase64url(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return btoa(text).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

/**
 * base64url as bytes; `undefined` for anything but the one canonical spelling.
 *
 * @see RFC 4648, section 3.5
 */
export function decodeBase64url(text: string): Bytes | undefined {
  // The browser forgives padding, white space and stray bits; writing it again shows them.
  if (/[^\w-]/.test(text)) return undefined
  try {
    const decoded = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
    const bytes = Uint8Array.from(decoded, (character) => character.charCodeAt(0))
    return encodeBase64url(bytes) === text ? bytes : undefined
  } catch {
    return undefined
  }
}
