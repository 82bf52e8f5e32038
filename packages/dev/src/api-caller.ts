import type { IncomingMessage } from 'node:http'
import { CoatcheckError, type DpopVerifier, type JwtClaims, type Verifier } from 'coatcheck/tokens'
import type { Refusal, TokenScheme } from './api-answer.ts'

/** Whose access token came. */
export interface Caller {
  readonly subject: string
  readonly scopes: readonly string[]
  readonly scheme: TokenScheme
}

/** Who calls, or how the token is refused. */
export type Authentication =
  | { readonly ok: true; readonly caller: Caller }
  | { readonly ok: false; readonly refusal: Refusal }

/** What callers are held to. */
export interface CallerRules {
  readonly tokens: Verifier
  readonly proofs: DpopVerifier
  /** Where the API is: what proofs must be made for. */
  readonly origin: string
}

interface PresentedToken {
  readonly scheme: TokenScheme
  readonly token: string
}

/**
 * Finds out who calls. That the keys are out of reach is no refusal: it is thrown.
 *
 * A token that is bound to a key is none without a proof; whoever only has the token has stolen it.
 *
 * @see RFC 6750, section 2.1; RFC 9449, sections 7.1 and 7.2
 */
export async function authenticate(
  rules: CallerRules,
  request: IncomingMessage,
): Promise<Authentication> {
  const presented = readAuthorization(request.headers.authorization ?? '')
  if (presented === undefined) return refused('Bearer', 'invalid_token')
  const { scheme, token } = presented
  const claims = await verifyToken(rules.tokens, token)
  if (claims === undefined) return refused(scheme, 'invalid_token')
  if (scheme === 'Bearer' && isBound(claims)) return refused('DPoP', 'invalid_token')
  if (scheme === 'DPoP') {
    const error = await checkProof(rules, request, token, claims)
    if (error !== undefined) return refused(scheme, error)
  }
  return { ok: true, caller: { ...identify(claims), scheme } }
}

async function checkProof(
  { proofs, origin }: CallerRules,
  request: IncomingMessage,
  accessToken: string,
  { cnf }: JwtClaims,
): Promise<Refusal['error'] | undefined> {
  const { method = '', url = '' } = request
  const thumbprint = (cnf as { readonly jkt?: string } | undefined)?.jkt
  // As they came: a doubled header is one string in `headers`.
  const proof = request.headersDistinct.dpop
  try {
    await proofs.verify({ proof, method, url: origin + url, accessToken, thumbprint })
    return undefined
  } catch (error) {
    const code = error instanceof CoatcheckError ? error.code : 'internal_error'
    if (code === 'token_dpop_nonce_required') return 'use_dpop_nonce'
    if (code.startsWith('token_dpop_')) {
      return code === 'token_dpop_binding_mismatch' ? 'invalid_token' : 'invalid_dpop_proof'
    }
    throw error
  }
}

function refused(scheme: TokenScheme, error: Refusal['error']): Authentication {
  return { ok: false, refusal: { scheme, error } }
}

// Schemes are compared in any letter case (RFC 9110, section 11.1).
function readAuthorization(header: string): PresentedToken | undefined {
  const [, scheme = '', token = ''] = /^(Bearer|DPoP) ([\w.~+/-]+=*)$/i.exec(header) ?? []
  if (token === '') return undefined
  return { scheme: scheme.toLowerCase() === 'dpop' ? 'DPoP' : 'Bearer', token }
}

async function verifyToken(verifier: Verifier, token: string): Promise<JwtClaims | undefined> {
  try {
    return (await verifier.verify(token)).claims
  } catch (error) {
    if (error instanceof CoatcheckError && error.status === 401) return undefined
    throw error
  }
}

// Any confirmation claim: one of a kind that is not known here can't be verified, either (RFC 7800, section 3.1).
function isBound({ cnf }: JwtClaims): boolean {
  return cnf !== undefined
}

function identify({ sub = '', scope }: JwtClaims): Omit<Caller, 'scheme'> {
  return { subject: sub, scopes: typeof scope === 'string' ? scope.split(' ') : [] }
}
