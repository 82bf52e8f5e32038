import type { Bytes } from '../core/bytes.ts'
import { deflateText, inflateText, MAX_TEXT_BYTES } from './deflate.ts'
import { CURRENT_DICTIONARY } from './dictionary.ts'
import { FrameReader, FrameWriter } from './frame.ts'
import type { Sections } from './token-parts.ts'

/** What so many packed bytes cost: in cookies, for example. */
export type PackedCost = (packedBytes: number) => number

const FORMAT = 1
const NOT_DEFLATED = 0
// Two bytes, two numbers, and the room that writing a number asks for.
const HEAD_BYTES = 18

/**
 * Both sections as bytes. Format version 1: format (1), dictionary (1; 0: not deflated), length of the text,
 * length of what is kept, both; the kept section, the text.
 *
 * The text is deflated only where that costs less by `cost`; without `cost` never.
 *
 * @example
 * packSections({ kept, text }, (bytes) => Math.ceil(bytes / 3000))
 */
export function packSections(sections: Sections<Uint8Array>, cost?: PackedCost): Bytes {
  const plain = frameOf(sections, sections.text.length, NOT_DEFLATED)
  const { length } = sections.text
  if (cost === undefined || cost(plain.length) <= cost(1)) return plain
  if (length === 0 || length > MAX_TEXT_BYTES) return plain
  const text = deflateText(sections.text)
  const small = frameOf({ kept: sections.kept, text }, length, CURRENT_DICTIONARY)
  return cost(small.length) < cost(plain.length) ? small : plain
}

/** What {@link packSections} made, ready to be read; `undefined` for anything else. Never throws. */
export function unpackSections(packed: Uint8Array): Sections<FrameReader> | undefined {
  const dictionary = packed[1]
  if (packed[0] !== FORMAT || dictionary === undefined) return undefined
  const frame = new FrameReader(packed, 2)
  const textBytes = frame.uint()
  const keptBytes = frame.uint()
  const kept = frame.frame(keptBytes)
  const stored = frame.frame(frame.left)
  if (!frame.isWhole) return undefined
  if (dictionary === NOT_DEFLATED) {
    return stored.left === textBytes ? { kept, text: stored } : undefined
  }
  const text = inflateText(stored.rest(), textBytes, dictionary)
  return text === undefined ? undefined : { kept, text: new FrameReader(text) }
}

function frameOf(
  { kept, text }: Sections<Uint8Array>,
  textBytes: number,
  dictionary: number,
): Bytes {
  const frame = new FrameWriter(kept.length + text.length + HEAD_BYTES)
  frame.raw(Uint8Array.of(FORMAT, dictionary))
  frame.uint(textBytes)
  frame.uint(kept.length)
  frame.raw(kept)
  frame.raw(text)
  return frame.bytes()
}
