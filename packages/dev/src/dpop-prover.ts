import { createHash, randomUUID } from 'node:crypto'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from 'jose'

/** A request that is proved. */
export interface DpopRequest {
  readonly method: string
  /** Without query and fragment. */
  readonly address: string
  /** The nonce that the server gave. */
  readonly nonce?: string | undefined
  /** The access token that goes with the request. */
  readonly accessToken?: string
}

/** Proves the possession of a key. */
export interface DpopProver {
  /** The SHA-256 thumbprint of the public key: `cnf.jkt` of the tokens that are bound to it. */
  readonly thumbprint: string
  /** The value of the `DPoP` header, good for one request. */
  prove(request: DpopRequest): Promise<string>
}

/**
 * Makes a prover with an ES256 key of its own, by another implementation than the library's.
 *
 * @see RFC 9449, section 4.2
 * @example
 * const prover = await createDpopProver()
 * const dpop = await prover.prove({ method: 'POST', address: `${provider.issuer}/token` })
 */
export async function createDpopProver(): Promise<DpopProver> {
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const jwk = await exportJWK(publicKey)
  return {
    thumbprint: await calculateJwkThumbprint(jwk),
    prove: ({ method, address, nonce, accessToken }) => {
      const claims = {
        htm: method,
        htu: address,
        jti: randomUUID(),
        ...(nonce === undefined ? {} : { nonce }),
        ...(accessToken === undefined ? {} : { ath: sha256(accessToken) }),
      }
      return new SignJWT(claims)
        .setProtectedHeader({ typ: 'dpop+jwt', alg: 'ES256', jwk })
        .setIssuedAt()
        .sign(privateKey)
    },
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}
