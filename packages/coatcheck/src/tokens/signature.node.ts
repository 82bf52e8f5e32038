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
export const importPublicKey: SignaturePlatform['importPublicKey'] = (jwk) => {
  const members = readPublicJwk(jwk)
  if (members === undefined) return undefined
  try {
    return { jwk, handle: createPublicKey({ key: members, format: 'jwk' }) }
  } catch {
    return undefined
  }
}

export const importSecret: SignaturePlatform['importSecret'] = (secret) => ({
  jwk: { kty: 'oct' },
  handle: createSecretKey(secret),
})

export const verifySignature: SignaturePlatform['verifySignature'] = (
  key,
  alg,
  text,
  signature,
) => {
  const { kty, hash: name, signatureBytes } = ALGORITHMS[alg]
  if (signatureBytes !== undefined && signature.length !== signatureBytes) return false
  const handle = key.handle as KeyObject
  const data = Buffer.from(text, 'utf8')
  if (kty === 'oct')
    return timingSafeEqual(createHmac(name, handle).update(data).digest(), signature)
  if (kty === 'OKP') return verify(null, data, handle, signature)
  if (kty === 'EC') return verify(name, data, { key: handle, dsaEncoding: 'ieee-p1363' }, signature)
  if (alg.startsWith('RS')) return verify(name, data, handle, signature)
  const padding = constants.RSA_PKCS1_PSS_PADDING
  const saltLength = constants.RSA_PSS_SALTLEN_DIGEST
  return verify(name, data, { key: handle, padding, saltLength }, signature)
}

export const digest: SignaturePlatform['digest'] = (name, text) =>
  new Uint8Array(hash(name, Buffer.from(text, 'utf8'), 'buffer'))
