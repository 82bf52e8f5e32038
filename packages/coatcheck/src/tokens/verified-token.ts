import type { JsonObject } from './json.ts'
import type { JwsHeader } from './jws.ts'

/** What a JWT is for: one kind never passes as another. */
export type TokenKind = 'access_token' | 'id_token'

/** The claims of RFC 7519 and OpenID Connect that are checked, and whatever else the issuer says. */
export interface JwtClaims extends JsonObject {
  readonly iss: string
  readonly sub?: string
  readonly aud: string | readonly string[]
  readonly exp: number
  readonly nbf?: number
  readonly iat?: number
  readonly azp?: string
  readonly nonce?: string
  readonly at_hash?: string
  readonly auth_time?: number
}

/** A JWT whose signature and claims were found good, before anybody vouches for it. */
export interface CheckedToken {
  readonly raw: string
  readonly header: JwsHeader
  readonly claims: JwtClaims
  readonly issuer: string
  readonly kind: TokenKind
}

declare const brand: unique symbol

/** A JWT whose signature and claims were verified by a verifier of this library; frozen to its depth. */
export interface VerifiedToken {
  /** The token itself. Does not appear when the object is listed, printed or serialized. */
  readonly raw: string
  readonly header: JwsHeader
  readonly claims: JwtClaims
  readonly issuer: string
  readonly kind: TokenKind
  readonly [brand]: 'VerifiedToken'
}

// Whoever has the private field was made here: no cast, copy, prototype or proxy brings it along.
class MintedToken {
  readonly header: JwsHeader
  readonly claims: JwtClaims
  readonly issuer: string
  readonly kind: TokenKind
  readonly #raw: string

  constructor(raw: string, header: JwsHeader, claims: JwtClaims, kind: TokenKind) {
    this.#raw = raw
    this.header = header
    this.claims = claims
    this.issuer = claims.iss
    this.kind = kind
    Object.freeze(this)
  }

  get raw(): string {
    return this.#raw
  }

  static isMinted(value: object): boolean {
    return #raw in value
  }
}

// Through a token one reaches its prototype: that leads to no constructor of tokens, and cannot be changed.
Object.defineProperty(MintedToken.prototype, 'constructor', { value: Object })
Object.freeze(MintedToken.prototype)

/**
 * Whether a value came from a verifier of this copy of the library: a cast or a look-alike did not.
 *
 * @example
 * isVerifiedToken({ raw: 'eyJ...' }) // false
 */
export function isVerifiedToken(value: unknown): value is VerifiedToken {
  return typeof value === 'object' && value !== null && MintedToken.isMinted(value)
}

/** Makes a verified token. For the verifier alone. */
export function mintVerifiedToken({ raw, header, claims, kind }: CheckedToken): VerifiedToken {
  return new MintedToken(raw, header, claims, kind) as object as VerifiedToken
}
