/** A token set as text in a store: nothing of it is believed before it was verified again. */
export interface KeptTokens {
  readonly accessToken: string
  readonly tokenType: 'Bearer' | 'DPoP'
  readonly refreshToken?: string
  readonly idToken?: string
  /** Whether the ID token came with an earlier access token than this one. */
  readonly isRenewed: boolean
  readonly scope?: string
  /** Both on the provider's clock, in milliseconds since 1970. */
  readonly accessTokenExpiresAt?: number
  readonly receivedAt: number
  /** How far the provider's clock was ahead of this machine's, in milliseconds. */
  readonly clockOffsetMs: number
  /** One sign-in, and how often it was renewed. */
  readonly grant: string
  readonly generation: number
}

const VERSION = '1'
const WHOLE = /^-?\d{1,16}$/

/** The text of an entry: `application/x-www-form-urlencoded`, so that any place takes it. */
export function writeKeptTokens(kept: KeptTokens): string {
  const members: readonly (readonly [string, string | number | undefined])[] = [
    ['v', VERSION],
    ['access_token', kept.accessToken],
    ['token_type', kept.tokenType],
    ['refresh_token', kept.refreshToken],
    ['id_token', kept.idToken],
    ['renewed', kept.isRenewed ? 1 : undefined],
    ['scope', kept.scope],
    ['expires_at', kept.accessTokenExpiresAt],
    ['received_at', kept.receivedAt],
    ['clock_offset', kept.clockOffsetMs],
    ['grant', kept.grant],
    ['generation', kept.generation],
  ]
  const text = new URLSearchParams()
  for (const [name, value] of members) if (value !== undefined) text.set(name, String(value))
  return text.toString()
}

/** Reads an entry; `undefined` for what is foreign, of another version or damaged. */
export function readKeptTokens(text: string): KeptTokens | undefined {
  const members = new URLSearchParams(text)
  const textOf = (name: string): string | undefined => members.get(name) || undefined
  const numberOf = (name: string): number | undefined => {
    const value = textOf(name)
    return value !== undefined && WHOLE.test(value) ? Number(value) : undefined
  }
  const accessToken = textOf('access_token')
  const tokenType = textOf('token_type')
  const receivedAt = numberOf('received_at')
  const clockOffsetMs = numberOf('clock_offset')
  const grant = textOf('grant')
  const generation = numberOf('generation')
  if (
    new Set(members.keys()).size !== [...members].length ||
    textOf('v') !== VERSION ||
    accessToken === undefined ||
    (tokenType !== 'Bearer' && tokenType !== 'DPoP') ||
    receivedAt === undefined ||
    clockOffsetMs === undefined ||
    grant === undefined ||
    generation === undefined
  ) {
    return undefined
  }
  const optional = {
    refreshToken: textOf('refresh_token'),
    idToken: textOf('id_token'),
    scope: textOf('scope'),
    accessTokenExpiresAt: numberOf('expires_at'),
  }
  return {
    ...{ accessToken, tokenType, receivedAt, clockOffsetMs, grant, generation },
    isRenewed: members.has('renewed'),
    ...present(optional),
  }
}

/** The members that are there. */
export function present<T extends object>(
  members: T,
): { [Name in keyof T]?: Exclude<T[Name], undefined> } {
  const entries = Object.entries(members).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as { [Name in keyof T]?: Exclude<T[Name], undefined> }
}
