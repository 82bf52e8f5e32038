import { decodedLength } from './base64url.ts'
import { type FramePart, FrameReader, FrameWriter } from './frame.ts'

/**
 * Two sections of one frame: `text` may be deflated, `kept` never is. A compressor that a secret shares with
 * what an attacker chooses tells the secret by its length.
 *
 * @see RFC 8725, section 3.6
 */
export interface Sections<T> {
  readonly kept: T
  readonly text: T
}

/** A token read back. It is written out when it is asked for: most requests need one of the three. */
export interface ReadToken {
  readonly token: () => string
  /** The JSON of its payload where it was taken apart as a JWT. */
  readonly payload?: () => string
}

// A signature of this size is a secret by itself: whoever knows the rest of the token has nothing.
const LEAST_SIGNATURE_BYTES = 32
const MAX_PARTS = 16
const OPENING_BRACE = 0x7b

const JWT = 0
// How a part of an opaque token is written: the lowest two bits of its length.
const TEXT = 0
const CANONICAL = 1
const GROUPS = 2

/** Writes a JWT: header and claims as text, the signature kept. All other tokens are kept whole. */
export function writeToken(sections: Sections<FrameWriter>, token: string): void {
  if (!writeJwt(sections, token)) writeSecretToken(sections.kept, token)
}

/** The JSON of a token's payload, if {@link writeToken} takes it apart. */
export function payloadOf(token: string): string | undefined {
  const [kept, text] = [new FrameWriter(), new FrameWriter()]
  if (!writeJwt({ kept, text }, token)) return undefined
  const read = readToken({
    kept: new FrameReader(kept.bytes()),
    text: new FrameReader(text.bytes()),
  })
  return read.payload?.()
}

// All tokens that one key signed begin alike, and to write that out again takes longer than to look.
const seenHeaders: { readonly bytes: Uint8Array; readonly text: string }[] = []
const MOST_HEADERS = 8
const MOST_HEADER_BYTES = 512
let nextHeader = 0

function headerText(header: FramePart): string {
  for (const { bytes, text } of seenHeaders) {
    if (header.equals(bytes)) return text
  }
  const text = header.toString('base64url')
  const bytes = header.copy()
  if (bytes.length > MOST_HEADER_BYTES) return text
  seenHeaders[nextHeader] = { bytes, text }
  nextHeader = (nextHeader + 1) % MOST_HEADERS
  return text
}

/** Reads what {@link writeToken} or {@link writeSecretToken} wrote. */
export function readToken({ kept, text }: Sections<FrameReader>): ReadToken {
  const count = kept.uint()
  if (count !== JWT) return { token: readParts(kept, count) }
  const headerBytes = kept.uint()
  const payloadBytes = kept.uint()
  const signature = kept.part(kept.uint())
  const header = text.part(headerBytes)
  const payload = text.part(payloadBytes)
  return {
    token: () =>
      `${headerText(header)}.${payload.toString('base64url')}.${signature.toString('base64url')}`,
    payload: () => payload.toString('utf8'),
  }
}

/** Writes a token that is a secret in each of its parts: an opaque or a refresh token. */
export function writeSecretToken(kept: FrameWriter, token: string): void {
  const parts = token.includes('.') ? token.split('.') : []
  if (parts.length === 0 || parts.length > MAX_PARTS) {
    kept.uint(1)
    writePart(kept, token)
    return
  }
  kept.uint(parts.length)
  for (const part of parts) writePart(kept, part)
}

// Tries as it goes: to look first whether the three parts are canonical would take as long again.
function writeJwt({ kept, text }: Sections<FrameWriter>, token: string): boolean {
  const first = token.indexOf('.')
  const second = token.indexOf('.', first + 1)
  if (first === -1 || second === -1 || token.includes('.', second + 1)) return false
  const header = token.slice(0, first)
  const payload = token.slice(first + 1, second)
  const signature = token.slice(second + 1)
  const signatureBytes = decodedLength(signature)
  if (signatureBytes < LEAST_SIGNATURE_BYTES) return false
  const keptBefore = kept.length
  const textBefore = text.length
  kept.uint(JWT)
  kept.uint(decodedLength(header))
  kept.uint(decodedLength(payload))
  kept.uint(signatureBytes)
  const isTaken = kept.base64url(signature) && writeJson(text, header) && writeJson(text, payload)
  if (!isTaken) {
    kept.cut(keptBefore)
    text.cut(textBefore)
  }
  return isTaken
}

function writeJson(text: FrameWriter, part: string): boolean {
  const start = text.length
  return text.base64url(part) && text.at(start) === OPENING_BRACE
}

function writePart(kept: FrameWriter, part: string): void {
  const before = kept.length
  kept.uint(decodedLength(part) * 4 + CANONICAL)
  if (kept.base64url(part)) return
  kept.cut(before)
  if (/^[\w-]+$/.test(part)) {
    // Letters of base64url that end in stray bits: whole groups of four, and up to three letters as they are.
    const whole = part.length - (part.length % 4)
    kept.uint(part.length * 4 + GROUPS)
    kept.base64url(part.slice(0, whole))
    kept.raw(Buffer.from(part.slice(whole), 'latin1'))
  } else {
    kept.uint(TEXT)
    kept.text(part)
  }
}

function readParts(kept: FrameReader, count: number): () => string {
  if (count > MAX_PARTS) kept.refuse()
  const parts: (() => string)[] = []
  for (let read = 0; read < Math.min(count, MAX_PARTS); read += 1) parts.push(readPart(kept))
  const [only] = parts
  if (only !== undefined && parts.length === 1) return only
  return () => parts.map((part) => part()).join('.')
}

function readPart(kept: FrameReader): () => string {
  const tagged = kept.uint()
  const length = Math.floor(tagged / 4)
  if (tagged % 4 === CANONICAL) {
    const bytes = kept.part(length)
    return () => bytes.toString('base64url')
  }
  if (tagged % 4 === TEXT) {
    const text = kept.text()
    return () => text
  }
  const tail = length % 4
  const groups = kept.part(((length - tail) / 4) * 3)
  const letters = kept.part(tail)
  return () => groups.toString('base64url') + letters.toString('latin1')
}
