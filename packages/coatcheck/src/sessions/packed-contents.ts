import type { Bytes } from '../core/bytes.ts'
import { CoatcheckError } from '../core/errors.ts'
import { type FrameReader, FrameWriter } from '../seal/frame.ts'
import { type PackedCost, packSections, unpackSections } from '../seal/pack.ts'
import { readToken, type Sections, writeSecretToken, writeToken } from '../seal/token-parts.ts'
import { restoreVerifiedTokenSet } from '../tokens/restore-verified.ts'
import type { ClaimsSource, RestorableTokenSet } from '../tokens/token-set-object.ts'
import { isVerifiedTokenSet } from '../tokens/verified-token-set.ts'
import type { SessionContents } from './contents.ts'
import { findClaimsSource, type ParsedClaims, parseClaims } from './packed-claims.ts'

/** What a sealed cookie holds of a session. */
export interface PackedContents extends Omit<SessionContents, 'ties'> {
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
const ID_CHARACTERS = 22

// To ask for memory takes as long as to write all of it. Nothing that runs meanwhile packs anything.
const sections: Sections<FrameWriter> = { kept: new FrameWriter(), text: new FrameWriter() }

/**
 * Contents in as few bytes as there are: JWTs as the bytes behind their base64url, claims that a token holds
 * not again. What `cost` is for, {@link packSections} says. Throws `token_unverified` for a look-alike.
 */
export function packContents(
  contents: PackedContents,
  known: KnownParties,
  cost?: PackedCost,
): Bytes {
  if (!isVerifiedTokenSet(contents.tokenSet)) throw new CoatcheckError('token_unverified')
  const { kept, text } = sections
  try {
    writeContents(contents, known)
    return packSections({ kept: kept.bytes(), text: text.bytes() }, cost)
  } finally {
    kept.wipe()
    text.wipe()
  }
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
  const { kept, text } = sections
  const flags = kept.uint()
  const id = kept.string(ID_BYTES, 'base64url')
  const createdAt = kept.number()
  const base = baseOf(createdAt)
  const marks: Draft<Omit<PackedContents, 'tokenSet'>> = {
    id,
    createdAt,
    sealedAt: kept.number(base),
    absoluteEndsAt: kept.number(base),
  }
  const expiresAt = (flags & EXPIRES_AT) === 0 ? undefined : kept.number(base)
  const receivedAt = (flags & RECEIVED_AT) === 0 ? undefined : kept.number(base)
  if ((flags & RENEWAL_SENT_AT) !== 0) marks.renewalSentAt = kept.number(base)
  if ((flags & RENEWAL_RETRY_AT) !== 0) marks.renewalRetryAt = kept.number(base)
  if ((flags & RENEWAL_FAILURES) !== 0) marks.renewalFailures = kept.number()
  if ((flags & REMEMBERED) !== 0) marks.remembered = true
  const set = readTokenSet(sections, flags, known)
  if (set === undefined || !kept.isWhole || !text.isWhole) return undefined
  if (expiresAt !== undefined) set.accessTokenExpiresAt = expiresAt
  if (receivedAt !== undefined) set.accessTokenReceivedAt = receivedAt
  return { ...marks, tokenSet: restoreVerifiedTokenSet(set) }
}

function writeContents(contents: PackedContents, known: KnownParties): void {
  const { kept, text } = sections
  const { tokenSet: set, createdAt } = contents
  const flags = flagsOf(contents, known)
  const base = baseOf(createdAt)
  const optional = (flag: number, time: number | undefined): void => {
    if ((flags & flag) !== 0) kept.number(time ?? 0, base)
  }
  kept.uint(flags)
  writeId(kept, contents.id)
  kept.number(createdAt)
  kept.number(contents.sealedAt, base)
  kept.number(contents.absoluteEndsAt, base)
  optional(EXPIRES_AT, set.accessTokenExpiresAt)
  optional(RECEIVED_AT, set.accessTokenReceivedAt)
  optional(RENEWAL_SENT_AT, contents.renewalSentAt)
  optional(RENEWAL_RETRY_AT, contents.renewalRetryAt)
  if (contents.renewalFailures !== undefined) kept.number(contents.renewalFailures)
  if (set.refreshToken !== undefined) writeSecretToken(kept, set.refreshToken)
  if (set.idToken !== undefined) writeToken(sections, set.idToken)
  writeToken(sections, set.accessToken)
  if (set.scope !== undefined) text.text(set.scope)
  if ((flags & OTHER_SUBJECT) !== 0) text.text(set.subject)
  if ((flags & OTHER_PARTIES) !== 0) {
    text.text(set.issuer)
    text.text(set.clientId)
  }
  if ((flags & CLAIMS_WRITTEN) !== 0) text.text(JSON.stringify(set.claims))
}

type Draft<T> = { -readonly [Name in keyof T]: T[Name] }

function flagsOf(contents: PackedContents, known: KnownParties): number {
  const { tokenSet: set } = contents
  const source = findClaimsSource(set)
  const subject = source === 'neither' ? undefined : set.claims.sub
  const isElsewhere = set.issuer !== known.issuer || set.clientId !== known.clientId
  let flags = 0
  if (set.refreshToken !== undefined) flags |= REFRESH_TOKEN
  if (set.idToken !== undefined) flags |= ID_TOKEN
  if (set.scope !== undefined) flags |= SCOPE
  if (set.accessTokenExpiresAt !== undefined) flags |= EXPIRES_AT
  if (set.accessTokenReceivedAt !== undefined) flags |= RECEIVED_AT
  if (set.accessTokenKind === 'opaque') flags |= OPAQUE
  if (set.tokenType === 'DPoP') flags |= DPOP
  if (subject !== set.subject) flags |= OTHER_SUBJECT
  if (isElsewhere) flags |= OTHER_PARTIES
  if (source === 'access_token') flags |= CLAIMS_OF_ACCESS_TOKEN
  if (source === 'neither') flags |= CLAIMS_WRITTEN
  if (contents.renewalSentAt !== undefined) flags |= RENEWAL_SENT_AT
  if (contents.renewalFailures !== undefined) flags |= RENEWAL_FAILURES
  if (contents.renewalRetryAt !== undefined) flags |= RENEWAL_RETRY_AT
  if (contents.remembered === true) flags |= REMEMBERED
  return flags
}

function writeId(kept: FrameWriter, id: string): void {
  if (id.length === ID_CHARACTERS && kept.base64url(id)) return
  throw new CoatcheckError('wrong_use', { detail: 'packContents: an id has 22 characters.' })
}

function baseOf(createdAt: number): number {
  return Number.isSafeInteger(createdAt) ? createdAt : 0
}

function readTokenSet(
  sections: Sections<FrameReader>,
  flags: number,
  known: KnownParties,
): Draft<RestorableTokenSet> | undefined {
  const { kept, text } = sections
  const refreshToken = (flags & REFRESH_TOKEN) === 0 ? undefined : readToken(sections)
  const idToken = (flags & ID_TOKEN) === 0 ? undefined : readToken(sections)
  const accessToken = readToken(sections)
  const scope = (flags & SCOPE) === 0 ? undefined : text.laterText()
  const otherSubject = (flags & OTHER_SUBJECT) === 0 ? undefined : text.text()
  const isElsewhere = (flags & OTHER_PARTIES) !== 0
  const issuer = isElsewhere ? text.text() : known.issuer
  const clientId = isElsewhere ? text.text() : known.clientId
  const claimsSource = sourceIn(flags)
  const source = claimsSource === 'access_token' ? accessToken : idToken
  const json = claimsSource === 'neither' ? text.laterText() : source?.payload
  if (json === undefined || !kept.isWhole) return undefined
  const claims = (): ParsedClaims => readClaims(json())
  const set: Draft<RestorableTokenSet> = {
    issuer,
    clientId,
    accessToken: accessToken.token,
    tokenType: (flags & DPOP) === 0 ? 'Bearer' : 'DPoP',
    accessTokenKind: (flags & OPAQUE) === 0 ? 'jwt' : 'opaque',
    claims,
    claimsSource,
  }
  if (refreshToken !== undefined) set.refreshToken = refreshToken.token
  if (idToken !== undefined) set.idToken = idToken.token
  if (scope !== undefined) set.scope = scope
  if (otherSubject !== undefined) set.subject = otherSubject
  return set
}

// When they were sealed they were JSON, and named somebody, or the subject stands beside them.
function readClaims(json: string): ParsedClaims {
  const claims = parseClaims(json)
  if (claims === undefined) throw new CoatcheckError('internal_error')
  return claims
}

function sourceIn(flags: number): ClaimsSource {
  if ((flags & CLAIMS_WRITTEN) !== 0) return 'neither'
  return (flags & CLAIMS_OF_ACCESS_TOKEN) === 0 ? 'id_token' : 'access_token'
}
