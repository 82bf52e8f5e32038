import type { Bytes } from '../core/bytes.ts'
import { CoatcheckError } from '../core/errors.ts'
import { readBase64url } from '../seal/base64url.ts'
import { type FrameReader, FrameWriter } from '../seal/frame.ts'
import { type PackedCost, packSections, unpackSections } from '../seal/pack.ts'
import { readToken, type Sections, writeSecretToken, writeToken } from '../seal/token-parts.ts'
import { restoreVerifiedTokenSet } from '../tokens/restore-verified.ts'
import { isVerifiedTokenSet, type TokenSetData } from '../tokens/verified-token-set.ts'
import type { SessionContents } from './contents.ts'
import { claimsSourceOf, type ParsedClaims, parseClaims } from './packed-claims.ts'

/** What a sealed cookie holds of a session. */
export interface PackedContents extends SessionContents {
  /** 22 characters of base64url, the same from sign-in on. */
  readonly id: string
  /** When these very bytes were sealed: of several, the latest counts. */
  readonly sealedAt: number
}

/** What the place of the seal says already, and is not stored again. */
export interface KnownParties {
  readonly issuer: string
  readonly clientId: string
}

// Which optional parts there are. The order is the format.
const REFRESH_TOKEN = 1
const ID_TOKEN = 2
const SCOPE = 4
const EXPIRES_AT = 8
const RECEIVED_AT = 16
const OPAQUE = 32
const DPOP = 64
const OTHER_SUBJECT = 128
const OTHER_PARTIES = 256
const CLAIMS_OF_ACCESS_TOKEN = 512
const CLAIMS_WRITTEN = 1024
const RENEWAL_SENT_AT = 2048
const RENEWAL_FAILURES = 4096
const RENEWAL_RETRY_AT = 8192
const REMEMBERED = 16_384

const ID_BYTES = 16

/**
 * Contents in as few bytes as there are: JWTs as the bytes behind their base64url, claims that a token holds
 * not again. What `cost` is for, {@link packSections} says. Throws `token_unverified` for a look-alike.
 */
export function packContents(
  contents: PackedContents,
  known: KnownParties,
  cost?: PackedCost,
): Bytes {
  const { tokenSet: set } = contents
  if (!isVerifiedTokenSet(set)) throw new CoatcheckError('token_unverified')
  const sections = { kept: new FrameWriter(), text: new FrameWriter() }
  const { kept, text } = sections
  const flags = flagsOf(contents, known)
  const has = (flag: number): boolean => (flags & flag) !== 0
  kept.uint(flags)
  kept.raw(idBytes(contents.id))
  kept.number(contents.createdAt)
  for (const [flag, time = 0] of timesOf(contents)) {
    if (flag === 0 || has(flag)) kept.number(time, baseOf(contents.createdAt))
  }
  if (has(RENEWAL_FAILURES)) kept.number(contents.renewalFailures ?? 0)
  if (has(REFRESH_TOKEN)) writeSecretToken(kept, set.refreshToken ?? '')
  if (has(ID_TOKEN)) writeToken(sections, set.idToken ?? '')
  writeToken(sections, set.accessToken)
  if (has(SCOPE)) text.text(set.scope ?? '')
  if (has(OTHER_SUBJECT)) text.text(set.subject)
  if (has(OTHER_PARTIES)) {
    text.text(set.issuer)
    text.text(set.clientId)
  }
  if (has(CLAIMS_WRITTEN)) text.text(JSON.stringify(set.claims))
  return packSections({ kept: kept.bytes(), text: text.bytes() }, cost)
}

/**
 * What {@link packContents} packed; `undefined` for anything else. Never throws. Only for bytes that a seal
 * vouches for: the token set counts as verified.
 */
export function unpackContents(
  packed: Uint8Array,
  known: KnownParties,
): PackedContents | undefined {
  const sections = unpackSections(packed)
  if (sections === undefined) return undefined
  const flags = sections.kept.uint()
  const { marks, times } = readMarks(sections.kept, flags)
  const set = readTokenSet(sections, flags, known)
  if (set === undefined || !sections.kept.isWhole || !sections.text.isWhole) return undefined
  return { ...marks, tokenSet: restoreVerifiedTokenSet({ ...set, ...times }) }
}

function flagsOf({ tokenSet: set, ...marks }: PackedContents, known: KnownParties): number {
  const source = claimsSourceOf(set)
  const subject = source === 'written' ? undefined : set.claims.sub
  const flag = (value: boolean, bit: number): number => (value ? bit : 0)
  return (
    flag(set.refreshToken !== undefined, REFRESH_TOKEN) |
    flag(set.idToken !== undefined, ID_TOKEN) |
    flag(set.scope !== undefined, SCOPE) |
    flag(set.accessTokenExpiresAt !== undefined, EXPIRES_AT) |
    flag(set.accessTokenReceivedAt !== undefined, RECEIVED_AT) |
    flag(set.accessTokenKind === 'opaque', OPAQUE) |
    flag(set.tokenType === 'DPoP', DPOP) |
    flag(subject !== set.subject, OTHER_SUBJECT) |
    flag(set.issuer !== known.issuer || set.clientId !== known.clientId, OTHER_PARTIES) |
    flag(source === 'access_token', CLAIMS_OF_ACCESS_TOKEN) |
    flag(source === 'written', CLAIMS_WRITTEN) |
    flag(marks.renewalSentAt !== undefined, RENEWAL_SENT_AT) |
    flag(marks.renewalFailures !== undefined, RENEWAL_FAILURES) |
    flag(marks.renewalRetryAt !== undefined, RENEWAL_RETRY_AT) |
    flag(marks.remembered === true, REMEMBERED)
  )
}

// Times behind `createdAt`, in the order of the format; those without a flag are always there.
function timesOf(contents: PackedContents): readonly (readonly [number, number | undefined])[] {
  const { tokenSet: set } = contents
  return [
    [0, contents.sealedAt],
    [0, contents.absoluteEndsAt],
    [EXPIRES_AT, set.accessTokenExpiresAt],
    [RECEIVED_AT, set.accessTokenReceivedAt],
    [RENEWAL_SENT_AT, contents.renewalSentAt],
    [RENEWAL_RETRY_AT, contents.renewalRetryAt],
  ]
}

function idBytes(id: string): Uint8Array {
  const bytes = readBase64url(id)
  if (bytes?.length === ID_BYTES) return bytes
  throw new CoatcheckError('wrong_use', { detail: 'packContents: an id has 22 characters.' })
}

function baseOf(createdAt: number): number {
  return Number.isSafeInteger(createdAt) ? createdAt : 0
}

interface Marks {
  readonly marks: Omit<PackedContents, 'tokenSet'>
  readonly times: Pick<TokenSetData, 'accessTokenExpiresAt' | 'accessTokenReceivedAt'>
}

function readMarks(kept: FrameReader, flags: number): Marks {
  const has = (flag: number): boolean => (flags & flag) !== 0
  const id = kept.string(ID_BYTES, 'base64url')
  const createdAt = kept.number()
  const time = (): number => kept.number(baseOf(createdAt))
  const [sealedAt, absoluteEndsAt] = [time(), time()]
  const times = {
    ...(has(EXPIRES_AT) ? { accessTokenExpiresAt: time() } : {}),
    ...(has(RECEIVED_AT) ? { accessTokenReceivedAt: time() } : {}),
  }
  const marks = {
    id,
    createdAt,
    sealedAt,
    absoluteEndsAt,
    ...(has(RENEWAL_SENT_AT) ? { renewalSentAt: time() } : {}),
    ...(has(RENEWAL_RETRY_AT) ? { renewalRetryAt: time() } : {}),
    ...(has(RENEWAL_FAILURES) ? { renewalFailures: kept.number() } : {}),
    ...(has(REMEMBERED) ? { remembered: true as const } : {}),
  }
  return { marks, times }
}

function readTokenSet(
  sections: Sections<FrameReader>,
  flags: number,
  known: KnownParties,
): TokenSetData | undefined {
  const { kept, text } = sections
  const has = (flag: number): boolean => (flags & flag) !== 0
  const refreshToken = has(REFRESH_TOKEN) ? readToken(sections).token : undefined
  const idToken = has(ID_TOKEN) ? readToken(sections) : undefined
  const accessToken = readToken(sections)
  const scope = has(SCOPE) ? text.text() : undefined
  const otherSubject = has(OTHER_SUBJECT) ? text.text() : undefined
  const { issuer, clientId } = has(OTHER_PARTIES)
    ? { issuer: text.text(), clientId: text.text() }
    : known
  const source = has(CLAIMS_OF_ACCESS_TOKEN) ? accessToken : idToken
  const written = has(CLAIMS_WRITTEN) ? text.text() : source?.payload
  const claims: ParsedClaims | undefined = parseClaims(written)
  const subject = otherSubject ?? claims?.sub
  if (claims === undefined || typeof subject !== 'string' || !kept.isWhole) return undefined
  return {
    issuer,
    clientId,
    subject,
    accessToken: accessToken.token,
    tokenType: has(DPOP) ? 'DPoP' : 'Bearer',
    accessTokenKind: has(OPAQUE) ? 'opaque' : 'jwt',
    claims,
    ...(refreshToken === undefined ? {} : { refreshToken }),
    ...(idToken === undefined ? {} : { idToken: idToken.token }),
    ...(scope === undefined ? {} : { scope }),
  }
}
