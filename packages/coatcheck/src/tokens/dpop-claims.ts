import { malformedProof, readDpopSegment } from './dpop-parts.ts'

/** What a proof says of its request. */
export interface DpopClaims {
  readonly jti: string
  readonly htm: string
  readonly htu: string
  readonly iat: number
  readonly ath?: string
  readonly nonce?: string
  readonly exp?: number
  readonly nbf?: number
}

// Beyond this a number of seconds is no date: the year 9999.
const MAX_SECONDS = 253_402_300_799

const REQUIRED = ['jti', 'htm', 'htu', 'iat'] as const
const TEXTS = ['jti', 'htm', 'htu', 'ath'] as const
const DATES = ['iat', 'exp', 'nbf'] as const

/**
 * Reads the claims of a proof, and checks their presence and types. Throws `token_dpop_malformed`; no message
 * holds a value.
 *
 * @see RFC 9449, section 4.2
 */
export function readDpopClaims(segment: string): DpopClaims {
  const claims = readDpopSegment(segment)
  for (const name of REQUIRED) {
    if (!Object.hasOwn(claims, name)) throw malformedProof(`The claim ${name} is missing.`)
  }
  for (const name of TEXTS) {
    const value = claims[name]
    if (value !== undefined && (typeof value !== 'string' || value === '')) throw mistyped(name)
  }
  for (const name of DATES) {
    const value = claims[name]
    const isDate = typeof value === 'number' && value >= 0 && value <= MAX_SECONDS
    if (value !== undefined && !isDate) throw mistyped(name)
  }
  const { nonce } = claims
  if (nonce !== undefined && typeof nonce !== 'string') throw mistyped('nonce')
  return claims as object as DpopClaims
}

function mistyped(name: string): Error {
  return malformedProof(`The claim ${name} is not of its type.`)
}
