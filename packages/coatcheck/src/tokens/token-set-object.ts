import { deepFreeze } from './deep-freeze.ts'

/** A value, or what makes it when it is first asked for. */
export type LaterOf<T> = T | (() => T)
/** A string, or what makes it when it is first asked for. */
export type Later = LaterOf<string>
/** The claims of a set, frozen to their depth. */
export type SetClaims = Readonly<Record<string, unknown>>

/** Whose payload a set's claims are, word for word. */
export type ClaimsSource = 'id_token' | 'access_token' | 'neither'

/** The data of a set that a seal vouches for: what is a function is called when it is first asked for, once. */
export interface RestorableTokenSet {
  readonly issuer: string
  readonly clientId: string
  readonly accessToken: Later
  readonly tokenType: 'Bearer' | 'DPoP'
  readonly accessTokenKind: 'jwt' | 'opaque'
  readonly accessTokenExpiresAt?: number
  readonly accessTokenReceivedAt?: number
  readonly refreshToken?: Later
  readonly idToken?: Later
  readonly scope?: Later
  readonly claims: LaterOf<SetClaims>
  /** Absent: it is the claims' `sub`. */
  readonly subject?: string
  /** Not a part of the set: what whoever packs it again need not find out. */
  readonly claimsSource?: ClaimsSource
}

/**
 * A token set as it is at run time. Its private fields are the brand, and the place of all it has: no cast, copy,
 * prototype or proxy brings them along. What it shows of itself (`toJSON`) has no token in it.
 *
 * All is an accessor of the prototype: to define each on the set itself takes a tenth of opening a sealed cookie.
 */
class TokenSetObject {
  readonly #issuer: string
  readonly #clientId: string
  readonly #tokenType: 'Bearer' | 'DPoP'
  readonly #accessTokenKind: 'jwt' | 'opaque'
  readonly #accessTokenExpiresAt: number | undefined
  readonly #accessTokenReceivedAt: number | undefined
  #accessToken: Later
  #refreshToken: Later | undefined
  #idToken: Later | undefined
  #scope: Later | undefined
  #claims: LaterOf<SetClaims>
  readonly #subject: string | undefined
  readonly #claimsSource: ClaimsSource | undefined

  constructor(data: RestorableTokenSet) {
    this.#issuer = data.issuer
    this.#clientId = data.clientId
    this.#tokenType = data.tokenType
    this.#accessTokenKind = data.accessTokenKind
    this.#accessTokenExpiresAt = data.accessTokenExpiresAt
    this.#accessTokenReceivedAt = data.accessTokenReceivedAt
    this.#accessToken = data.accessToken
    this.#refreshToken = data.refreshToken
    this.#idToken = data.idToken
    this.#scope = data.scope
    const { claims } = data
    this.#claims = typeof claims === 'function' ? claims : deepFreeze(claims)
    this.#subject = data.subject
    this.#claimsSource = data.claimsSource
    Object.freeze(this)
  }

  static isOne(value: object): boolean {
    return #accessToken in value
  }

  static claimsSourceOf(set: object): ClaimsSource | undefined {
    return (set as TokenSetObject).#claimsSource
  }

  get issuer(): string {
    return this.#issuer
  }

  get clientId(): string {
    return this.#clientId
  }

  get subject(): unknown {
    return this.#subject ?? this.claims.sub
  }

  get accessToken(): string {
    const token = this.#accessToken
    if (typeof token !== 'function') return token
    const written = token()
    this.#accessToken = written
    return written
  }

  get tokenType(): 'Bearer' | 'DPoP' {
    return this.#tokenType
  }

  get accessTokenKind(): 'jwt' | 'opaque' {
    return this.#accessTokenKind
  }

  get accessTokenExpiresAt(): number | undefined {
    return this.#accessTokenExpiresAt
  }

  get accessTokenReceivedAt(): number | undefined {
    return this.#accessTokenReceivedAt
  }

  get refreshToken(): string | undefined {
    const token = this.#refreshToken
    if (typeof token !== 'function') return token
    const written = token()
    this.#refreshToken = written
    return written
  }

  get idToken(): string | undefined {
    const token = this.#idToken
    if (typeof token !== 'function') return token
    const written = token()
    this.#idToken = written
    return written
  }

  get scope(): string | undefined {
    const scope = this.#scope
    if (typeof scope !== 'function') return scope
    const written = scope()
    this.#scope = written
    return written
  }

  get claims(): SetClaims {
    const claims = this.#claims
    if (typeof claims !== 'function') return claims
    const read = deepFreeze(claims())
    this.#claims = read
    return read
  }

  toJSON(): object {
    // A copy of a set, or a proxy, has nothing to show: that is no reason for a log to fail.
    if (!TokenSetObject.isOne(this)) return {}
    const { issuer, clientId, tokenType, accessTokenKind } = this
    const { accessTokenExpiresAt, accessTokenReceivedAt, scope, subject, claims } = this
    return {
      ...{ issuer, clientId, tokenType, accessTokenKind },
      ...(accessTokenExpiresAt === undefined ? {} : { accessTokenExpiresAt }),
      ...(accessTokenReceivedAt === undefined ? {} : { accessTokenReceivedAt }),
      ...(scope === undefined ? {} : { scope }),
      ...{ subject, claims },
    }
  }

  [Symbol.for('nodejs.util.inspect.custom')](): object {
    return TokenSetObject.prototype.toJSON.call(this)
  }
}

// No set leads to what makes sets, and nobody changes what all of them do.
Reflect.deleteProperty(TokenSetObject.prototype, 'constructor')
Object.freeze(TokenSetObject.prototype)

/** Makes a token set of data that was checked, or that a seal vouches for. */
export function makeTokenSet(data: RestorableTokenSet): object {
  return new TokenSetObject(data)
}

/** Whether a value is a token set that was made here. */
export function isTokenSet(value: unknown): boolean {
  return typeof value === 'object' && value !== null && TokenSetObject.isOne(value)
}

/** What was known of the claims of a token set. */
export function knownClaimsSource(set: object): ClaimsSource | undefined {
  return TokenSetObject.claimsSourceOf(set)
}
