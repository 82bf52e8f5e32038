import { type Bytes, concatBytes, decodeUtf8, encodeUtf8 } from '../core/bytes.ts'
import { restoreVerifiedTokenSet } from '../tokens/restore-verified.ts'
import { tokenSetData, type VerifiedTokenSet } from '../tokens/verified-token-set.ts'

/** What a session's seal holds: whatever decides. */
export interface SessionContents {
  readonly tokenSet: VerifiedTokenSet
  /** Milliseconds since 1970, as are all times. */
  readonly createdAt: number
  readonly absoluteEndsAt: number
  readonly subjectKey: string
  readonly sidKey?: string
  /** When a refresh token was sent and no answer is recorded yet. */
  readonly renewalSentAt?: number
}

const FRAME = 1
const ABSENT = 0xff_ff_ff_ff

/** Contents as bytes: a small JSON part, and the tokens as they are. Frame version 1. */
export function encodeContents(contents: SessionContents): Bytes {
  const { tokenSet, ...marks } = contents
  const { accessToken, refreshToken, idToken, ...rest } = tokenSetData(tokenSet)
  return concatBytes(
    Uint8Array.of(FRAME),
    ...field(JSON.stringify({ ...marks, set: rest })),
    ...field(accessToken),
    ...field(refreshToken),
    ...field(idToken),
  )
}

/** Contents from bytes that a seal vouches for; `undefined` for an unknown frame. */
export function decodeContents(bytes: Bytes): SessionContents | undefined {
  if (bytes[0] !== FRAME) return undefined
  const fields: (string | undefined)[] = []
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let offset = 1; offset + 4 <= bytes.length; ) {
    const length = view.getUint32(offset)
    offset += 4
    if (length === ABSENT) fields.push(undefined)
    else {
      fields.push(decodeUtf8(bytes.subarray(offset, offset + length)))
      offset += length
    }
  }
  const [json, accessToken, refreshToken, idToken] = fields
  if (json === undefined || accessToken === undefined) return undefined
  const { set, ...marks } = JSON.parse(json)
  const tokenSet = restoreVerifiedTokenSet({
    ...set,
    accessToken,
    ...(refreshToken === undefined ? {} : { refreshToken }),
    ...(idToken === undefined ? {} : { idToken }),
  })
  return { ...marks, tokenSet }
}

function field(text: string | undefined): [Bytes, Bytes] {
  const bytes = text === undefined ? new Uint8Array(0) : encodeUtf8(text)
  const length = new Uint8Array(4)
  new DataView(length.buffer).setUint32(0, text === undefined ? ABSENT : bytes.length)
  return [length, bytes]
}
