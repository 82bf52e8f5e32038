/**
 * A token set as it is written into a store, by the names of OAuth where it has them: nothing of it is believed before it
 * was verified again. Times are on the provider's clock, in milliseconds since 1970.
 */
export interface KeptTokens {
  readonly access_token: string
  readonly token_type: string
  readonly refresh_token?: string
  readonly id_token?: string
  readonly scope?: string
  /** Whether the ID token came with an earlier access token than this one. */
  readonly renewed?: '1'
  /** One sign-in. */
  readonly grant: string
  /** How often it was renewed. */
  readonly generation: number
  readonly received_at: number
  readonly expires_at?: number
  /** How far the provider's clock was ahead of this machine's, in milliseconds. */
  readonly clock_offset: number
}

const VERSION = '1'
const REQUIRED = [
  'access_token',
  'token_type',
  'grant',
  'generation',
  'received_at',
  'clock_offset',
]
const NUMBER = /^(?:generation|received_at|expires_at|clock_offset)$/
const WHOLE = /^-?\d{1,16}$/

/** The text of an entry: `application/x-www-form-urlencoded`, so that any place takes it. */
export function writeKeptTokens(kept: KeptTokens): string {
  const text = new URLSearchParams({ v: VERSION })
  for (const [name, value] of Object.entries(kept))
    text.set(name, String(typeof value === 'number' ? Math.floor(value) : value))
  return text.toString()
}

/** Reads an entry; `undefined` for what is foreign, of another version or damaged. */
export function readKeptTokens(text: string): KeptTokens | undefined {
  const { v, ...members } = Object.fromEntries(new URLSearchParams(text))
  const isFine =
    v === VERSION &&
    // Doubled members, and other spellings of the same.
    text.split('&').length === Object.keys(members).length + 1 &&
    REQUIRED.every((name) => members[name]) &&
    Object.entries(members).every(([name, value]) => !NUMBER.test(name) || WHOLE.test(value))
  if (!isFine) return undefined
  const read = Object.entries(members).map(([name, value]) => [
    name,
    NUMBER.test(name) ? Number(value) : value,
  ])
  return Object.fromEntries(read) as KeptTokens
}
