import { generateKeyPairSync, randomBytes } from 'node:crypto'
import type { DataFolder } from './data-folder.ts'

/** What the provider must have kept when it starts again. */
export interface ProviderSecrets {
  /** Private keys as JWKs: RS256 for ID tokens, ES256 for access tokens. */
  readonly jwks: { readonly keys: readonly object[] }
  readonly cookieKeys: readonly string[]
  readonly clientSecret: string
  /** What the nonces of DPoP proofs are derived from: 32 bytes. */
  readonly dpopNonceSecret: Buffer
}

const SECRET_BYTES = 32
const RSA_BITS = 2048

/** The name of the file that holds the client's secret alone, for whoever plays the client. */
export const CLIENT_SECRET_FILE = 'client-secret'

/** Reads the provider's secrets from a folder, or makes them; without a folder they live as long as the process. */
export async function readProviderSecrets(folder?: DataFolder): Promise<ProviderSecrets> {
  const keys = (await folder?.keep('provider-keys.json', makeKeys)) ?? makeKeys()
  const keepSecret = async (name: string): Promise<string> =>
    (await folder?.keepText(name, makeSecret)) ?? makeSecret()
  return {
    ...keys,
    clientSecret: await keepSecret(CLIENT_SECRET_FILE),
    dpopNonceSecret: Buffer.from(await keepSecret('dpop-nonce-secret'), 'base64url'),
  }
}

function makeKeys(): Pick<ProviderSecrets, 'jwks' | 'cookieKeys'> {
  const rsa = generateKeyPairSync('rsa', { modulusLength: RSA_BITS }).privateKey
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  const keys = [
    { ...rsa.export({ format: 'jwk' }), alg: 'RS256', use: 'sig', kid: makeKeyId() },
    { ...ec.export({ format: 'jwk' }), alg: 'ES256', use: 'sig', kid: makeKeyId() },
  ]
  return { jwks: { keys }, cookieKeys: [makeSecret()] }
}

function makeKeyId(): string {
  return randomBytes(6).toString('base64url')
}

function makeSecret(): string {
  return randomBytes(SECRET_BYTES).toString('base64url')
}
