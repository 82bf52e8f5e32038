import { CoatcheckError } from '../core/errors.ts'
import { present } from '../core/present.ts'
import { DEFAULT_ALGORITHMS } from '../tokens/algorithm.ts'
import { DEFAULT_MAX_TOKEN_BYTES, parseSegment } from '../tokens/jws.ts'
import { checkTokenParts, type OpaqueAccessToken } from '../tokens/token-parts.ts'
import { checkToken, type TokenRules, verifyToken } from '../tokens/verification.ts'
import type { CheckedToken } from '../tokens/verified-token.ts'
import type { KeptTokens } from './kept-tokens.ts'
import type { PageKeySet } from './page-key-set.ts'
import type { TokenAnswer } from './provider-calls.ts'

/** What an answer follows upon. */
export interface AnswerContext {
  /** When it was asked for, on this machine's clock, in milliseconds since 1970. */
  readonly askedAt: number
  /** Of the sign-in that is answered. */
  readonly nonce?: string
  /** What is renewed. */
  readonly previous?: VerifiedTokens
  /** The refresh token that goes on if no other came. */
  readonly refreshToken?: string
  /**
   * Whether it came from the provider itself, in answer to something that is good once: then its `iat` is now, whatever
   * this machine's clock says.
   */
  readonly isFresh: boolean
}

/** Tokens that were verified, and verified together. Nothing else is put into a store. */
export interface VerifiedTokens {
  readonly subject: string
  readonly claims: Readonly<Record<string, unknown>>
  readonly tokens: Omit<KeptTokens, 'grant' | 'generation'>
}

/** Verifies what comes from a token endpoint or out of a store. Both reject with `token_...` or `key_set_...`. */
export interface AnswerReader {
  read(answer: TokenAnswer, context: AnswerContext): Promise<VerifiedTokens>
  /** An entry of a store: signatures and claims as at first; that its access token is over makes it no forgery. */
  restore(kept: KeptTokens): Promise<VerifiedTokens>
  /** Makes sure that an answer can be verified, and the provider be reached, right now. */
  prepare(): Promise<unknown>
}

// The brand, at run time: what is not in here did not come from a reader.
const verified = new WeakSet<VerifiedTokens>()

/** Whether a reader has verified them: a cast, a copy or a look-alike is none. */
export function areVerified(tokens: VerifiedTokens): boolean {
  return verified.has(tokens)
}

/** What {@link createAnswerReader} takes. */
export interface AnswerReaderOptions {
  readonly issuer: string
  readonly clientId: string
  /** Whom access tokens are for: then they must be JWTs. Without it they are opaque. */
  readonly audience: string | undefined
  /** What tokens must be: bound to a key or not. */
  readonly tokenType: 'Bearer' | 'DPoP'
  readonly keySet: PageKeySet
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
  ): Promise<CheckedToken> {
    const { token } = await verifyToken(raw, rules)
    checkToken(token, rules, present({ nonce }), nowMs)
    return token
  }

  async function verifyAccessToken(
    raw: string,
    nowMs: number,
  ): Promise<CheckedToken | OpaqueAccessToken> {
    return accessRules === undefined
      ? { opaque: raw, trustedBy: 'id_token' }
      : verify(raw, accessRules, nowMs)
  }

  async function assemble(
    tokens: VerifiedTokens['tokens'],
    nowMs: number,
    idTokenAt: number,
    { nonce, previous }: Pick<AnswerContext, 'nonce' | 'previous'>,
  ): Promise<VerifiedTokens> {
    const { id_token: idRaw, expires_at, renewed } = tokens
    const idToken =
      idRaw === undefined || idRaw === previous?.tokens.id_token
        ? undefined
        : await verify(idRaw, idRules, idTokenAt, nonce)
    // In any letter case (RFC 6749, 5.1). Where tokens are to be bound to a key, others are none (RFC 9449, 5).
    if (tokens.token_type.toLowerCase() !== options.tokenType.toLowerCase())
      throw new CoatcheckError('provider_response_invalid')
    const parts = await checkTokenParts({
      clientId,
      accessToken: await verifyAccessToken(tokens.access_token, nowMs),
      idTokenFrom: renewed === undefined ? 'same_answer' : 'earlier_answer',
      ...present({
        idToken,
        previous: previous && {
          ...{ issuer, clientId, subject: previous.subject, claims: previous.claims },
          ...present({ idToken: previous.tokens.id_token }),
        },
        accessTokenExpiresAt: expires_at,
      }),
    })
    const { subject, claims, accessTokenExpiresAt } = parts
    const kept = {
      ...tokens,
      token_type: options.tokenType,
      ...present({ expires_at: accessTokenExpiresAt }),
    }
    const made = Object.freeze({ subject, claims, tokens: Object.freeze(kept) })
    verified.add(made)
    return made
  }

  return {
    prepare: () => keySet.refresh(),
    read: (answer, context) => {
      const { askedAt, previous, isFresh } = context
      const { access_token, expires_in } = answer
      const id_token = answer.id_token || undefined
      const now = options.clock()
      const clock_offset = isFresh ? offsetOf(id_token ?? access_token, now) : 0
      const received_at = askedAt + clock_offset
      const isRenewed = id_token === undefined && previous !== undefined
      const tokens = {
        ...{ access_token, token_type: answer.token_type, received_at, clock_offset },
        ...present({
          refresh_token: answer.refresh_token || context.refreshToken,
          id_token: id_token ?? previous?.tokens.id_token,
          scope: answer.scope || previous?.tokens.scope,
          renewed: isRenewed ? ('1' as const) : undefined,
          expires_at: expires_in && received_at + Number(expires_in) * 1000,
        }),
      }
      return assemble(tokens, now + clock_offset, now + clock_offset, context)
    },
    // The ID token tells who signed in, then: it may be older than the access token, and over.
    restore: ({ grant: _, generation: __, ...tokens }) => {
      const issuedAt = issuedAtOf(tokens.id_token ?? '')
      return assemble(tokens, tokens.received_at, issuedAt > 0 ? issuedAt : options.clock(), {})
    },
  }
}

// Seen before its signature is: a time that is wrong only leads to a refusal, for the signature covers it.
function offsetOf(jwt: string, localMs: number): number {
  const offset = issuedAtOf(jwt) - localMs
  const size = Math.abs(offset)
  return size > TOLERANCE_SECONDS * 1000 && size < MAX_OFFSET_MS ? offset : 0
}

// Not verified: nothing but a guess at a time comes of it.
function issuedAtOf(jwt: string): number {
  return Number(parseSegment(jwt.split('.')[1] ?? '')?.iat) * 1000
}
