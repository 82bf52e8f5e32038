import type { Bytes } from '../core/bytes.ts'
import { CoatcheckError } from '../core/errors.ts'
import { restoreVerifiedTokenSet } from '../tokens/restore-verified.ts'
import { isVerifiedTokenSet, type VerifiedTokenSet } from '../tokens/verified-token-set.ts'
import type { SessionTies } from './session-ties.ts'

/** What a session's seal holds wherever it lies: whatever decides. */
export interface SessionContents {
  readonly tokenSet: VerifiedTokenSet
  /** Milliseconds since 1970, as are all times. */
  readonly createdAt: number
  readonly absoluteEndsAt: number
  /** Who signed in asked to stay signed in on this device. */
  readonly remembered?: true
  /** What ties it to sessions of other sites. */
  readonly ties?: SessionTies
  /** When a refresh token was sent and no answer is recorded yet. */
  readonly renewalSentAt?: number
  /** How often renewal failed in a row without anything spent. */
  readonly renewalFailures?: number
  /** When renewal may be tried again after such a failure. */
  readonly renewalRetryAt?: number
}

/** What it holds in a store: also under what it is found there. */
export interface RecordContents extends SessionContents {
  readonly subjectKey: string
  readonly sidKey?: string
}

const FRAME = 1
const LENGTH_BYTES = 4
const ABSENT = 0xff_ff_ff_ff

/**
 * Contents as bytes: a small JSON part, and the tokens as they are, each preceded by its length. JSON over all of
 * it would cost more than sealing does. Frame version 1. Throws `token_unverified` for a look-alike.
 */
export function encodeContents(contents: RecordContents): Bytes {
  const { tokenSet, ...marks } = contents
  if (!isVerifiedTokenSet(tokenSet)) throw new CoatcheckError('token_unverified')
  // What prints is all but the tokens.
  const json = JSON.stringify({ ...marks, set: tokenSet })
  const texts = [json, tokenSet.accessToken, tokenSet.refreshToken, tokenSet.idToken]
  const most = texts.reduce((sum, text = '') => sum + LENGTH_BYTES + text.length * 3, 1)
  const frame = Buffer.allocUnsafeSlow(most)
  frame[0] = FRAME
  let offset = 1
  for (const text of texts) {
    const length = text === undefined ? 0 : frame.write(text, offset + LENGTH_BYTES)
    frame.writeUInt32BE(text === undefined ? ABSENT : length, offset)
    offset += LENGTH_BYTES + length
  }
  return frame.subarray(0, offset)
}

/** Contents from bytes that a seal vouches for; `undefined` for an unknown frame. */
export function decodeContents(bytes: Bytes): RecordContents | undefined {
  if (bytes[0] !== FRAME) return undefined
  const frame = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const texts: (string | undefined)[] = []
  for (let offset = 1; offset + LENGTH_BYTES <= frame.length; ) {
    const length = frame.readUInt32BE(offset)
    offset += LENGTH_BYTES
    if (length === ABSENT) texts.push(undefined)
    else {
      texts.push(frame.toString('utf8', offset, offset + length))
      offset += length
    }
  }
  const [json, accessToken, refreshToken, idToken] = texts
  if (json === undefined || accessToken === undefined) return undefined
  const { set, ...marks } = JSON.parse(json)
  set.accessToken = accessToken
  if (refreshToken !== undefined) set.refreshToken = refreshToken
  if (idToken !== undefined) set.idToken = idToken
  return { ...marks, tokenSet: restoreVerifiedTokenSet(set) }
}
