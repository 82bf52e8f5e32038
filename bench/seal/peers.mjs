// @ts-check
// What ours is measured by: the bare cipher, the least that any opening does, and iron-session.
import { createCipheriv, createDecipheriv, createSecretKey, randomBytes } from 'node:crypto'
import { sealData, unsealData } from 'iron-session'
import { packContents } from '../../packages/coatcheck/dist/sessions/packed-contents.js'
import { cookieContentsOf, expectTokens, tokenAndClaimsOf, tokenOf } from './sample.mjs'

/** @typedef {import('./sample.mjs').Contender} Contender */
/** @typedef {import('./sample.mjs').Tokens} Tokens */

export const GCM = 'AES-256-GCM over JSON, kept key'
export const LEAST = 'the least: decode, AES-256-GCM with the place, one token written out'
export const IRON = 'iron-session 9'

/**
 * @param {Tokens} tokens
 * @returns {Contender}
 */
export function gcmOverJson(tokens) {
  const key = createSecretKey(randomBytes(32))
  const seal = () => {
    const nonce = randomBytes(12)
    const cipher = createCipheriv('aes-256-gcm', key, nonce)
    const sealed = [nonce, cipher.update(JSON.stringify(tokens)), cipher.final()]
    return Buffer.concat([...sealed, cipher.getAuthTag()]).toString('base64url')
  }
  const value = seal()
  const open = () => {
    const bytes = Buffer.from(value, 'base64url')
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12))
    decipher.setAuthTag(bytes.subarray(-16))
    const text = Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()])
    return tokenAndClaimsOf(JSON.parse(text.toString()))
  }
  return {
    title: GCM,
    bytes: value.length,
    seal,
    open,
    check: async () => expectTokens(open(), tokens),
  }
}

/**
 * As many bytes as a sealed value has, opened without looking at any of them but one token.
 * @param {Tokens} tokens
 * @returns {Contender}
 */
export function leastOpening(tokens) {
  const { issuer, clientId } = tokens
  const { length } = packContents(cookieContentsOf(tokens), { issuer, clientId })
  const place = Buffer.from(JSON.stringify(['seal', 'https://app.example', issuer, clientId]))
  const key = createSecretKey(randomBytes(32))
  const parts = tokens.accessToken.split('.').map((part) => Buffer.from(part, 'base64url'))
  const token = Buffer.concat(parts)
  const [header, payload] = parts.map((part) => part.length)
  const first = header ?? 0
  const second = first + (payload ?? 0)
  const plaintext = Buffer.concat([token, randomBytes(length - token.length)])
  const start = randomBytes(31)
  const nonce = start.subarray(19)
  const seal = () => {
    const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(place)
    const sealed = [start, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]
    return Buffer.concat(sealed).toString('base64url')
  }
  const value = seal()
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(value, 'base64url'))
  const open = () => {
    bytes.write(value, 0, 'base64url')
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 })
    decipher.setAAD(place).setAuthTag(bytes.subarray(-16))
    const opened = decipher.update(bytes.subarray(31, -16))
    decipher.final()
    const written = [
      opened.toString('base64url', 0, first),
      opened.toString('base64url', first, second),
      opened.toString('base64url', second, token.length),
    ]
    return tokenOf({ accessToken: `${written[0]}.${written[1]}.${written[2]}`, claims: {} })
  }
  return {
    title: LEAST,
    bytes: value.length,
    seal,
    open,
    check: async () => {
      if (open()?.accessToken !== tokens.accessToken) throw new Error('the least opens otherwise')
    },
  }
}

/**
 * @param {Tokens} tokens
 * @returns {Contender}
 */
export function ironSession(tokens) {
  const password = randomBytes(32).toString('base64url')
  /** @type {string} */
  let value = ''
  const seal = () => sealData(tokens, { password, ttl: 0 })
  const open = () => unsealData(value, { password, ttl: 0 })
  const contender = {
    title: IRON,
    bytes: 0,
    seal,
    open,
    check: async () => {
      value = await seal()
      contender.bytes = value.length
      const opened = /** @type {Tokens} */ (await open())
      expectTokens(opened, tokens)
    },
  }
  return contender
}
