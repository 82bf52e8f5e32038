import { payloadOf } from '../seal/token-parts.ts'
import type { ClaimsSource } from '../tokens/token-set-object.ts'
import { claimsSourceOf, type VerifiedTokenSet } from '../tokens/verified-token-set.ts'

/** Claims as they come out of JSON. */
export type ParsedClaims = Readonly<Record<string, unknown>>

// Claims are frozen to their depth: what was compared once stays so.
const known = new WeakMap<object, { readonly token: string; readonly source: ClaimsSource }>()

/** Which token gives these very claims when it is read again, so that they need not be stored twice. */
export function findClaimsSource(set: VerifiedTokenSet): ClaimsSource {
  const told = claimsSourceOf(set)
  if (told !== undefined) return told
  const token = set.idToken ?? set.accessToken
  const seen = known.get(set.claims)
  if (seen?.token === token) return seen.source
  const parsed = parseClaims(payloadOf(token))
  const named = set.idToken === undefined ? 'access_token' : 'id_token'
  const source = isSame(parsed, set.claims) ? named : 'neither'
  known.set(set.claims, { token, source })
  return source
}

/** A JSON object; `undefined` for anything else. */
export function parseClaims(json: string | undefined): ParsedClaims | undefined {
  try {
    const value: unknown = JSON.parse(json ?? '')
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    return isObject ? (value as ParsedClaims) : undefined
  } catch {
    return undefined
  }
}

function isSame(parsed: ParsedClaims | undefined, claims: ParsedClaims): boolean {
  return parsed !== undefined && JSON.stringify(parsed) === JSON.stringify(claims)
}
