import type { IncomingMessage } from 'node:http'
import { CoatcheckError, type JwtClaims, type Verifier } from 'coatcheck/tokens'
import type { TokenScheme } from './api-answer.ts'

/** Whose access token came. */
export interface Caller {
  readonly subject: string
  readonly scopes: readonly string[]
  readonly scheme: TokenScheme
}

/** Who calls, or in which scheme the token is refused. */
export type Authentication =
  | { readonly ok: true; readonly caller: Caller }
  | { readonly ok: false; readonly scheme: TokenScheme }

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
  verifier: Verifier,
  request: IncomingMessage,
): Promise<Authentication> {
  const presented = readAuthorization(request.headers.authorization ?? '')
  if (presented === undefined) return { ok: false, scheme: 'Bearer' }
  const { scheme, token } = presented
  // No proof is verified here, so that none is worth anything.
  if (scheme === 'DPoP') return { ok: false, scheme }
  const claims = await verifyToken(verifier, token)
  if (claims === undefined) return { ok: false, scheme }
  if (isBound(claims)) return { ok: false, scheme: 'DPoP' }
  return { ok: true, caller: { ...identify(claims), scheme } }
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
