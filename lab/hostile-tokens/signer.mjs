// @ts-check
// Makes tokens with node:crypto alone, so that nothing of the library helps to build what attacks it.
import { constants, createHmac, generateKeyPairSync, sign } from 'node:crypto'

/** @typedef {{ privateKey: import('node:crypto').KeyObject, publicKey: import('node:crypto').KeyObject }} KeyPair */

/** @param {string | Uint8Array} value */
export const base64url = (value) => Buffer.from(value).toString('base64url')

/** @param {unknown} value */
export const segment = (value) =>
  base64url(typeof value === 'string' ? value : JSON.stringify(value))

/** @param {'RSA' | 'RSA-1024' | 'P-256' | 'P-384' | 'P-521' | 'Ed25519'} kind @returns {KeyPair} */
export function keyPair(kind) {
  if (kind === 'RSA') return generateKeyPairSync('rsa', { modulusLength: 2048 })
  if (kind === 'RSA-1024') return generateKeyPairSync('rsa', { modulusLength: 1024 })
  if (kind === 'Ed25519') return generateKeyPairSync('ed25519')
  return generateKeyPairSync('ec', { namedCurve: kind })
}

/** @param {KeyPair} pair @param {Record<string, unknown>} [members] */
export const publicJwk = (pair, members = {}) => ({
  ...pair.publicKey.export({ format: 'jwk' }),
  ...members,
})

/** @param {string} alg @param {string} input @param {import('node:crypto').KeyObject | Uint8Array} key @returns {Buffer} */
export function signature(alg, input, key) {
  const data = Buffer.from(input, 'latin1')
  const hash = `sha${alg.slice(2)}`
  if (alg.startsWith('HS')) return createHmac(hash, key).update(data).digest()
  const handle = /** @type {import('node:crypto').KeyObject} */ (key)
  if (alg.startsWith('RS')) return sign(hash, data, handle)
  if (alg.startsWith('PS')) {
    const padding = constants.RSA_PKCS1_PSS_PADDING
    return sign(hash, data, { key: handle, padding, saltLength: constants.RSA_PSS_SALTLEN_DIGEST })
  }
  if (alg.startsWith('ES')) return sign(hash, data, { key: handle, dsaEncoding: 'ieee-p1363' })
  return sign(null, data, handle)
}

/**
 * A compact JWS. Header and payload may be JSON values or text as it shall stand.
 *
 * @param {unknown} header @param {unknown} payload @param {import('node:crypto').KeyObject | Uint8Array} key
 * @param {string} [alg] signs with this, whatever the header says
 */
export function makeToken(header, payload, key, alg) {
  const input = `${segment(header)}.${segment(payload)}`
  const chosen = alg ?? String(/** @type {Record<string, unknown>} */ (header).alg)
  return `${input}.${base64url(signature(chosen, input, key))}`
}
