import { decodeBase64url, decodeUtf8 } from '../core/bytes.ts'
import { CoatcheckError } from '../core/errors.ts'
import { DEFAULT_ALGORITHMS } from '../tokens/algorithm.ts'
import { DEFAULT_MAX_TOKEN_BYTES } from '../tokens/jws.ts'
import type { KeySet } from '../tokens/key-set.ts'
import { checkToken, type TokenRules, verifyToken } from '../tokens/verification.ts'
import type { VerifiedToken } from '../tokens/verified-token.ts'
import {
  createVerifiedTokenSet,
  type OpaqueAccessToken,
  type VerifiedTokenSet,
} from '../tokens/verified-token-set.ts'
import { type KeptTokens, present } from './kept-tokens.ts'
import type { TokenAnswer } from './provider-calls.ts'

/** What an answer follows upon. */
export interface AnswerContext {
  /** When it was asked for, on this machine's clock, in milliseconds since 1970. */
  readonly askedAt: number
  /** Of the sign-in that is answered. */
  readonly nonce?: string
  /** The set that is renewed. */
  readonly previous?: VerifiedTokenSet
  /** The refresh token that goes on if no other came. */
  readonly refreshToken?: string
  /**
   * Whether it came from the provider itself, in answer to something that is good once: then its `iat` is now, whatever
   * this machine's clock says.
   */
  readonly isFresh: boolean
}

/** A verified answer, and how far the provider's clock is ahead, in milliseconds. */
export interface ReadAnswer {
  readonly tokenSet: VerifiedTokenSet
  readonly clockOffsetMs: number
  /** Whether its ID token is the one of an earlier answer. */
  readonly isRenewed: boolean
}

/** Verifies what comes from a token endpoint or out of a store. Both reject with `token_...` or `key_set_...`. */
export interface AnswerReader {
  read(answer: TokenAnswer, context: AnswerContext): Promise<ReadAnswer>
  /** An entry of a store: signatures and claims as at first; that its access token is over makes it no forgery. */
  restore(kept: KeptTokens): Promise<VerifiedTokenSet>
}

/** What {@link createAnswerReader} takes. */
export interface AnswerReaderOptions {
  readonly issuer: string
  readonly clientId: string
  /** Whom access tokens are for: then they must be JWTs. Without it they are opaque. */
  readonly audience: string | undefined
  readonly keySet: KeySet
  readonly clock: () => number
}

// Small differences are borne; a clock that is a day off is told, for nothing on that machine can be right.
const TOLERANCE_SECONDS = 60
const MAX_OFFSET_MS = 86_400_000

/**
 * Verifies for a page what its own code received or kept.
 *
 * @see OpenID Connect Core, sections 3.1.3.7 and 12.2; RFC 9068, section 4
 */
export function createAnswerReader(options: AnswerReaderOptions): AnswerReader {
  const { issuer, clientId, audience, keySet } = options
  const common = {
    ...{ issuer, keySet, algorithms: new Set(DEFAULT_ALGORITHMS), requiredClaims: [] },
    ...{ clockToleranceSeconds: TOLERANCE_SECONDS, maxTokenBytes: DEFAULT_MAX_TOKEN_BYTES },
  }
  const idRules: TokenRules = { ...common, kind: 'id_token', audiences: [clientId] }
  const accessRules: TokenRules | undefined =
    audience === undefined ? undefined : { ...common, kind: 'access_token', audiences: [audience] }

  async function verify(
    raw: string,
    rules: TokenRules,
    nowMs: number,
    nonce?: string,
  ): Promise<VerifiedToken> {
    const { token } = await verifyToken(raw, rules)
    return checkToken(token, rules, present({ nonce }), nowMs)
  }

  async function verifyAccessToken(
    raw: string,
    nowMs: number,
  ): Promise<VerifiedToken | OpaqueAccessToken> {
    return accessRules === undefined
      ? { opaque: raw, trustedBy: 'id_token' }
      : verify(raw, accessRules, nowMs)
  }

  async function read(answer: TokenAnswer, context: AnswerContext): Promise<ReadAnswer> {
    const { askedAt, nonce, previous } = context
    const { access_token: raw, id_token: idRaw, expires_in: lifetimeSeconds } = answer
    const clockOffsetMs = context.isFresh ? offsetOf(idRaw ?? raw, options.clock()) : 0
    const receivedAt = askedAt + clockOffsetMs
    const time = options.clock() + clockOffsetMs
    const idToken = idRaw === undefined ? undefined : await verify(idRaw, idRules, time, nonce)
    const tokenSet = await createVerifiedTokenSet({
      clientId,
      accessToken: await verifyAccessToken(raw, time),
      tokenType: tokenTypeOf(answer),
      accessTokenReceivedAt: receivedAt,
      ...present({
        ...{ idToken, previous, scope: answer.scope ?? previous?.scope },
        accessTokenExpiresAt:
          lifetimeSeconds === undefined ? undefined : receivedAt + lifetimeSeconds * 1000,
        refreshToken: answer.refresh_token ?? context.refreshToken,
      }),
    })
    return { tokenSet, clockOffsetMs, isRenewed: idToken === undefined && previous !== undefined }
  }

  async function restore(kept: KeptTokens): Promise<VerifiedTokenSet> {
    const { receivedAt, idToken: idRaw, isRenewed } = kept
    const idToken = idRaw === undefined ? undefined : await readKeptIdToken(idRaw)
    return createVerifiedTokenSet({
      clientId,
      accessToken: await verifyAccessToken(kept.accessToken, receivedAt),
      tokenType: kept.tokenType,
      accessTokenReceivedAt: receivedAt,
      idTokenFrom: isRenewed ? 'earlier_answer' : 'same_answer',
      ...present({
        idToken,
        scope: kept.scope,
        refreshToken: kept.refreshToken,
        accessTokenExpiresAt: kept.accessTokenExpiresAt,
      }),
    })
  }

  // It tells who signed in, then; it may be older than the access token, and over.
  function readKeptIdToken(raw: string): Promise<VerifiedToken> {
    const issuedAt = Number(claimsOf(raw)?.iat) * 1000
    return verify(raw, idRules, issuedAt > 0 ? issuedAt : options.clock())
  }

  return { read, restore }
}

function tokenTypeOf({ token_type: type }: TokenAnswer): 'Bearer' | 'DPoP' {
  const lower = type.toLowerCase()
  if (lower === 'bearer') return 'Bearer'
  if (lower === 'dpop') return 'DPoP'
  throw new CoatcheckError('provider_response_invalid')
}

// Seen before its signature is: a time that is wrong only leads to a refusal, for the signature covers it.
function offsetOf(jwt: string, localMs: number): number {
  const offset = Number(claimsOf(jwt)?.iat) * 1000 - localMs
  const size = Math.abs(offset)
  return size > TOLERANCE_SECONDS * 1000 && size < MAX_OFFSET_MS ? offset : 0
}

function claimsOf(jwt: string): { readonly iat?: unknown } | undefined {
  try {
    const bytes = decodeBase64url(jwt.split('.')[1] ?? '')
    return JSON.parse((bytes && decodeUtf8(bytes)) ?? '')
  } catch {
    return undefined
  }
}
