import { type Bytes, decodeBase64url, encodeUtf8 } from '../core/bytes.ts'
import { ALGORITHMS, type Algorithm } from './algorithm.ts'
import { readPublicJwk } from './jwk.ts'
import type { SignaturePlatform } from './signature.ts'

// The part of WebCrypto that is used: its own types exist only where a DOM or Node's types are.
interface Subtle {
  importKey(...parameters: readonly unknown[]): Promise<object>
  verify(algorithm: object, key: object, signature: Bytes, data: Bytes): Promise<boolean>
  digest(hash: string, data: Bytes): Promise<ArrayBuffer>
}

const HASHES = { sha256: 'SHA-256', sha384: 'SHA-384', sha512: 'SHA-512' } as const

/** In pages, workers and on the edge: WebCrypto, with each imported key kept for its algorithm. */
export const importPublicKey: SignaturePlatform['importPublicKey'] = (jwk) => {
  const members = readPublicJwk(jwk)
  return members === undefined ? undefined : { jwk, handle: keptImports('jwk', members) }
}

export const importSecret: SignaturePlatform['importSecret'] = (secret) => ({
  jwk: { kty: 'oct' },
  handle: keptImports('raw', secret.slice()),
})

export const verifySignature: SignaturePlatform['verifySignature'] = async (
  key,
  alg,
  text,
  signature,
) => {
  const { signatureBytes } = ALGORITHMS[alg]
  if (signatureBytes !== undefined && signature.length !== signatureBytes) return false
  const imported = await (key.handle as (alg: Algorithm) => Promise<object | undefined>)(alg)
  if (imported === undefined) return false
  return subtle().verify(parametersOf(alg), imported, signature, encodeUtf8(text))
}

export const decodeSegment: SignaturePlatform['decodeSegment'] = decodeBase64url

export const digest: SignaturePlatform['digest'] = async (name, text) =>
  new Uint8Array(await subtle().digest(HASHES[name], encodeUtf8(text)))

function keptImports(
  format: 'jwk' | 'raw',
  material: unknown,
): (alg: Algorithm) => Promise<object | undefined> {
  const kept = new Map<Algorithm, Promise<object | undefined>>()
  return (alg) => {
    const seen = kept.get(alg)
    if (seen !== undefined) return seen
    const imported = subtle()
      .importKey(format, material, parametersOf(alg), false, ['verify'])
      .catch(() => undefined)
    kept.set(alg, imported)
    return imported
  }
}

function parametersOf(alg: Algorithm): object {
  const { kty, hash, crv } = ALGORITHMS[alg]
  if (kty === 'oct') return { name: 'HMAC', hash: HASHES[hash] }
  if (kty === 'OKP') return { name: 'Ed25519' }
  if (kty === 'EC') return { name: 'ECDSA', hash: HASHES[hash], namedCurve: crv }
  if (alg.startsWith('RS')) return { name: 'RSASSA-PKCS1-v1_5', hash: HASHES[hash] }
  return {
    name: 'RSA-PSS',
    hash: HASHES[hash],
    saltLength: { sha256: 32, sha384: 48, sha512: 64 }[hash],
  }
}

function subtle(): Subtle {
  return (globalThis as unknown as { readonly crypto: { readonly subtle: Subtle } }).crypto.subtle
}
