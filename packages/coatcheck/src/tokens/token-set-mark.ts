/** A value, or what makes it when it is first asked for. */
export type LaterOf<T> = T | (() => T)
/** A string, or what makes it when it is first asked for. */
export type Later = LaterOf<string>
/** The claims of a set, frozen to their depth. */
export type SetClaims = Readonly<Record<string, unknown>>

/** Whose payload a set's claims are, word for word. */
export type ClaimsSource = 'id_token' | 'access_token' | 'neither'

/** What of a token set is neither listed nor printed. */
export interface TokensOfSet {
  readonly accessToken: Later
  readonly refreshToken?: Later
  readonly idToken?: Later
  /** Not a part of the set: what whoever packs it again need not find out. */
  readonly claimsSource?: ClaimsSource
}

/** What is listed all the same, but read only when it is asked for: most requests need neither. */
export interface ReadLater {
  readonly claims: () => SetClaims
  /** Absent: it is the claims' `sub`. */
  readonly subject: string | undefined
}

/** Marks an object as a token set of ours, and gives it its tokens as properties that do not show. */
export function markTokenSet(set: object, tokens: TokensOfSet): void {
  Mark.put(set, tokens)
  Object.defineProperty(set, 'accessToken', ACCESS_TOKEN)
  if (tokens.refreshToken !== undefined) Object.defineProperty(set, 'refreshToken', REFRESH_TOKEN)
  if (tokens.idToken !== undefined) Object.defineProperty(set, 'idToken', ID_TOKEN)
}

/** Gives a marked object its claims and subject as properties that show. */
export function addReadLater(set: object, later: ReadLater): void {
  Mark.putLater(set, later)
  Object.defineProperty(set, 'subject', SUBJECT)
  Object.defineProperty(set, 'claims', CLAIMS)
}

/** Whether an object was marked here. */
export function isMarked(set: object): boolean {
  return Mark.isOn(set)
}

/** What was known of the claims of a marked object. */
export function markedClaimsSource(set: object): ClaimsSource | undefined {
  return Mark.claimsSource(set)
}

class Given {
  constructor(set: object) {
    // What is returned gets the private fields of the class below.
    // biome-ignore lint/correctness/noConstructorReturn: that is what this class is for.
    return set
  }
}

// The run-time brand, and the place of the tokens: no cast, copy, prototype or proxy brings private fields along,
// and no property of a set leads to this class. Looking them up costs nothing, unlike a WeakMap.
class Mark extends Given {
  readonly #tokens: { -readonly [Name in keyof TokensOfSet]: TokensOfSet[Name] }
  #later: ReadLater | undefined
  #claims: SetClaims | undefined

  private constructor(set: object, tokens: TokensOfSet) {
    super(set)
    const { accessToken, refreshToken, idToken, claimsSource } = tokens
    this.#tokens = { accessToken, refreshToken, idToken, claimsSource } as TokensOfSet
  }

  static put(set: object, tokens: TokensOfSet): void {
    new Mark(set, tokens)
  }

  static putLater(set: object, later: ReadLater): void {
    ;(set as Mark).#later = later
  }

  static claims(set: object): SetClaims | undefined {
    const mark = set as Mark
    mark.#claims ??= mark.#later?.claims()
    return mark.#claims
  }

  static subject(set: object): unknown {
    return (set as Mark).#later?.subject ?? Mark.claims(set)?.sub
  }

  static isOn(set: object): boolean {
    return #tokens in set
  }

  static claimsSource(set: object): ClaimsSource | undefined {
    return (set as Mark).#tokens.claimsSource
  }

  static token(set: object, name: TokenName): string | undefined {
    const tokens = (set as Mark).#tokens
    const token = tokens[name]
    if (typeof token !== 'function') return token
    const written = token()
    tokens[name] = written
    return written
  }
}

type TokenName = 'accessToken' | 'refreshToken' | 'idToken'

// Neither enumerable nor configurable, which is the default: tokens are in no listing, no JSON and no log.
const ACCESS_TOKEN = getter((set) => Mark.token(set, 'accessToken'))
const REFRESH_TOKEN = getter((set) => Mark.token(set, 'refreshToken'))
const ID_TOKEN = getter((set) => Mark.token(set, 'idToken'))

const SUBJECT = { ...getter(Mark.subject), enumerable: true }
const CLAIMS = { ...getter(Mark.claims), enumerable: true }

function getter(read: (set: object) => unknown): PropertyDescriptor {
  return {
    get(this: object) {
      return read(this)
    },
  }
}
