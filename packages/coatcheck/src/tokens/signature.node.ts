import {
  constants,
  createHmac,
  createPublicKey,
  createSecretKey,
  hash,
  type KeyObject,
  timingSafeEqual,
  verify,
} from 'node:crypto'
import { ALGORITHMS } from './algorithm.ts'
import { readPublicJwk } from './jwk.ts'
import type { SignaturePlatform } from './signature.ts'

/** On Node: kept `KeyObject`s and synchronous calls, a quarter of the cost of a round through WebCrypto. */
// A key as `crypto.verify` wants it for each algorithm, made once.
interface KeptKey {
  readonly handle: KeyObject
  readonly forEcdsa: { readonly key: KeyObject; readonly dsaEncoding: 'ieee-p1363' }
  readonly forPss: {
    readonly key: KeyObject
    readonly padding: number
    readonly saltLength: number
  }
}

export const importPublicKey: SignaturePlatform['importPublicKey'] = (jwk) => {
  const members = readPublicJwk(jwk)
  if (members === undefined) return undefined
  try {
    return { jwk, handle: keep(createPublicKey({ key: members, format: 'jwk' })) }
  } catch {
    return undefined
  }
}

export const importSecret: SignaturePlatform['importSecret'] = (secret) => ({
  jwk: { kty: 'oct' },
  handle: keep(createSecretKey(secret)),
})

/** On Node: kept `KeyObject`s and synchronous calls, a quarter of the cost of a round through WebCrypto. */
export const verifySignature: SignaturePlatform['verifySignature'] = (
  key,
  alg,
  text,
  signature,
) => {
  const { kty, hash: name, signatureBytes } = ALGORITHMS[alg]
  if (signatureBytes !== undefined && signature.length !== signatureBytes) return false
  const { handle, forEcdsa, forPss } = key.handle as KeptKey
  const data = Buffer.from(text, 'utf8')
  if (kty === 'oct')
    return timingSafeEqual(createHmac(name, handle).update(data).digest(), signature)
  if (kty === 'OKP') return verify(null, data, handle, signature)
  if (kty === 'EC') return verify(name, data, forEcdsa, signature)
  return verify(name, data, alg.startsWith('PS') ? forPss : handle, signature)
}

export const decodeSegment: SignaturePlatform['decodeSegment'] = (text) => {
  const bytes = Buffer.from(text, 'base64url')
  // Buffer forgives padding, stray bits and foreign characters; writing it again shows them.
  return bytes.toString('base64url') === text ? bytes : undefined
}

export const digest: SignaturePlatform['digest'] = (name, text) =>
  new Uint8Array(hash(name, Buffer.from(text, 'utf8'), 'buffer'))

function keep(handle: KeyObject): KeptKey {
  const padding = constants.RSA_PKCS1_PSS_PADDING
  const saltLength = constants.RSA_PSS_SALTLEN_DIGEST
  return {
    handle,
    forEcdsa: { key: handle, dsaEncoding: 'ieee-p1363' },
    forPss: { key: handle, padding, saltLength },
  }
}
