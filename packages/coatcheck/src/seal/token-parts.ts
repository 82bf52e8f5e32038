import { readBase64url, writeBase64url } from './base64url.ts'
import type { FrameReader, FrameWriter } from './frame.ts'

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

/** A token read back, and the JSON of its payload where it was taken apart as a JWT. */
export interface ReadToken {
  readonly token: string
  readonly payload?: string
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
export function writeToken({ kept, text }: Sections<FrameWriter>, token: string): void {
  const jwt = takeApart(token)
  if (jwt === undefined) {
    writeSecretToken(kept, token)
    return
  }
  kept.uint(JWT)
  for (const bytes of jwt) kept.uint(bytes.length)
  text.raw(jwt[0])
  text.raw(jwt[1])
  kept.raw(jwt[2])
}

/** The JSON of a token's payload, if {@link writeToken} takes it apart. */
export function payloadOf(token: string): string | undefined {
  const payload = takeApart(token)?.[1]
  return payload === undefined ? undefined : textOf(payload)
}

/** Reads what {@link writeToken} or {@link writeSecretToken} wrote. */
export function readToken({ kept, text }: Sections<FrameReader>): ReadToken {
  const count = kept.uint()
  if (count !== JWT) return { token: readParts(kept, count) }
  const [header, payload, signature] = [kept.uint(), kept.uint(), kept.uint()]
  const first = text.string(header, 'base64url')
  const bytes = text.raw(payload)
  const token = `${first}.${writeBase64url(bytes)}.${kept.string(signature, 'base64url')}`
  return { token, payload: textOf(bytes) }
}

/** Writes a token that is a secret in each of its parts: an opaque or a refresh token. */
export function writeSecretToken(kept: FrameWriter, token: string): void {
  const parts = token.split('.')
  if (parts.length > MAX_PARTS) parts.splice(0, parts.length, token)
  kept.uint(parts.length)
  for (const part of parts) writePart(kept, part)
}

function readParts(kept: FrameReader, count: number): string {
  if (count > MAX_PARTS) kept.refuse()
  let token = ''
  for (let read = 0; read < Math.min(count, MAX_PARTS); read += 1) {
    token += read === 0 ? readPart(kept) : `.${readPart(kept)}`
  }
  return token
}

function writePart(kept: FrameWriter, part: string): void {
  const bytes = readBase64url(part)
  if (bytes !== undefined) {
    kept.uint(bytes.length * 4 + CANONICAL)
    kept.raw(bytes)
  } else if (/^[\w-]+$/.test(part)) {
    // Letters of base64url that end in stray bits: whole groups of four, and up to three letters as they are.
    const whole = part.length - (part.length % 4)
    kept.uint(part.length * 4 + GROUPS)
    kept.raw(Buffer.from(part.slice(0, whole), 'base64url'))
    kept.raw(Buffer.from(part.slice(whole), 'latin1'))
  } else {
    kept.uint(TEXT)
    kept.text(part)
  }
}

function readPart(kept: FrameReader): string {
  const tagged = kept.uint()
  const length = Math.floor(tagged / 4)
  if (tagged % 4 === CANONICAL) return kept.string(length, 'base64url')
  if (tagged % 4 === TEXT) return kept.text()
  const tail = length % 4
  return kept.string(((length - tail) / 4) * 3, 'base64url') + kept.string(tail, 'latin1')
}

function textOf({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('utf8')
}

function takeApart(token: string): readonly [Uint8Array, Uint8Array, Uint8Array] | undefined {
  const parts = token.split('.', 4)
  if (parts.length !== 3) return undefined
  const [header, payload, signature] = parts.map(readBase64url)
  if (header?.[0] !== OPENING_BRACE || payload?.[0] !== OPENING_BRACE) return undefined
  if (signature === undefined || signature.length < LEAST_SIGNATURE_BYTES) return undefined
  return [header, payload, signature]
}
