import { deflateRawSync, inflateRawSync } from 'node:zlib'
import type { Bytes } from '../core/bytes.ts'
import { CURRENT_DICTIONARY, dictionaryOf } from './dictionary.ts'

/** More text than this is neither deflated nor inflated: two tokens of the largest size that is accepted, and some. */
export const MAX_TEXT_BYTES = 65_536

// Measured on token sets of 1 to 4 KB: higher levels save no byte, wider windows and more memory only cost time.
const OPTIONS = { level: 6, windowBits: 13, memLevel: 5 } as const

/** Raw deflate with the current dictionary. */
export function deflateText(text: Uint8Array): Bytes {
  const dictionary = dictionaryOf(CURRENT_DICTIONARY) ?? new Uint8Array(0)
  return deflateRawSync(text, { ...OPTIONS, dictionary })
}

/**
 * Inflates to exactly `length` bytes; `undefined` for anything else. It never makes more than that, nor more
 * than {@link MAX_TEXT_BYTES}, whatever the input would unfold to.
 */
export function inflateText(
  deflated: Uint8Array,
  length: number,
  dictionaryVersion: number,
): Bytes | undefined {
  const dictionary = dictionaryOf(dictionaryVersion)
  if (dictionary === undefined || length === 0 || length > MAX_TEXT_BYTES) return undefined
  try {
    const text = inflateRawSync(deflated, { dictionary, maxOutputLength: length })
    return text.length === length ? text : undefined
  } catch {
    return undefined
  }
}
