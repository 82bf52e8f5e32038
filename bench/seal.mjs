// @ts-check
// Sealing a token set: our sealed value and our session record against AES-256-GCM over JSON and iron-session.
//
// The sealed value is what a session's cookie holds, not deflated: contents packed, then sealed. (It was once the
// frame of session records under a cookie's seal, which nothing uses.) All give back three tokens, claims and times.
// Ours writes a token out, and reads the claims, when they are asked for. What every call to an API asks for counts as
// opening: the access token, in one piece. With the claims too, which the page's own question needs, it is told
// beside it. In both directions ours also binds site, issuer and client, and gives
// back a set that is frozen and branded; the bare cipher does none of that. One row does nothing but what no opening
// can do without: what the others add to it is theirs.
import { createCipheriv, createDecipheriv, createSecretKey, randomBytes } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { createKeyRing, generateKeyRing } from 'coatcheck/ring'
import { sealData, unsealData } from 'iron-session'
import { keptContext } from '../packages/coatcheck/dist/seal/place.js'
import { openValue, sealValue } from '../packages/coatcheck/dist/seal/seal-value.js'
import {
  packContents,
  unpackContents,
} from '../packages/coatcheck/dist/sessions/packed-contents.js'
import { createRecords } from '../packages/coatcheck/dist/sessions/record.js'
import { createTicket, parseTicket } from '../packages/coatcheck/dist/sessions/ticket.js'
import { restoreVerifiedTokenSet } from '../packages/coatcheck/dist/tokens/restore-verified.js'
import { measureRates, ratio, typicalRates } from './rates.mjs'

export const name = 'seal'
export const about =
  'Sealing and opening a 3.4 KB token set. Ratios are medians over rounds in which all take turns.'
export const aim = 'at least 1.4 times AES-256-GCM over JSON, 30 and 60 times iron-session'

/**
 * @param {{ seconds: number, log: (line: string) => void }} options
 */
export async function run({ seconds, log }) {
  const contenders = createContenders()
  for (const contender of contenders) await contender.check()
  const rates = await measureRates(contenders, { seconds, log })
  const rows = contenders.map(({ title, bytes }) => ({
    what: title,
    ...typicalRates(rates, title),
    bytes,
  }))
  /**
   * @param {string} against
   * @param {'seal' | 'open'} way
   * @param {number} least
   */
  const figure = (against, way, least) => {
    const value = ratio(rates, way, SEALED, against)
    return {
      name: `${way} against ${against}`,
      value: Number(value.toFixed(2)),
      aim: `>= ${least}`,
      ok: value >= least,
    }
  }
  const most = ratio(rates, 'open', LEAST, GCM)
  return {
    rows,
    figures: [
      figure(GCM, 'seal', 1.4),
      figure(GCM, 'open', 1.4),
      figure(IRON, 'seal', 30),
      figure(IRON, 'open', 60),
      {
        name: `open against ${GCM}: the least that can be done`,
        value: Number(most.toFixed(2)),
        ok: true,
      },
    ],
  }
}

const SEALED = 'coatcheck, sealed value (XAES-256-GCM)'
const WITH_CLAIMS = 'coatcheck, sealed value, its claims asked for too'
const RECORD = 'coatcheck, session record'
const GCM = 'AES-256-GCM over JSON, kept key'
const LEAST = 'the least: decode, AES-256-GCM with the place, one token written out'
const IRON = 'iron-session 9'

/** @typedef {{ title: string, bytes: number, seal: () => unknown, open: () => unknown, check: () => Promise<void> }} Contender */

/** @returns {Contender[]} */
function createContenders() {
  const tokens = sampleTokens()
  return [
    sealedValue(tokens, SEALED, tokenOf),
    sealedValue(tokens, WITH_CLAIMS, tokenAndClaimsOf),
    gcmOverJson(tokens),
    leastOpening(tokens),
    ironSession(tokens),
    record(tokens),
  ]
}

/** @typedef {ReturnType<typeof sampleTokens>} Tokens */

/**
 * @param {Tokens} tokens
 * @param {string} title
 * @param {typeof tokenOf} use
 * @returns {Contender}
 */
function sealedValue(tokens, title, use) {
  const ring = createKeyRing(generateKeyRing())
  const { issuer, clientId } = tokens
  const known = { issuer, clientId }
  const context = keptContext('https://app.example', issuer, clientId)
  const { tokenSet, createdAt, absoluteEndsAt } = contentsOf(tokens)
  const id = randomBytes(16).toString('base64url')
  const contents = { id, tokenSet, createdAt, absoluteEndsAt, sealedAt: createdAt }
  const seal = () =>
    sealValue(ring, { purpose: 'seal', context, bytes: packContents(contents, known) })
  const value = seal()
  const open = () => {
    const opened = openValue(ring, { purpose: 'seal', context, value })
    const unpacked = opened.ok ? unpackContents(opened.bytes, known) : undefined
    return unpacked && use(unpacked.tokenSet)
  }
  return {
    title,
    bytes: value.length,
    seal,
    open,
    check: async () => expectTokens(open(), tokens),
  }
}

/**
 * What a call to an API asks of a set: the header that it sends.
 * @template {{ accessToken: string, claims: object }} Set
 * @param {Set} set
 */
function tokenOf(set) {
  const authorization = `Bearer ${set.accessToken}`
  // A character makes one piece of the parts, as sending it does.
  return authorization.charCodeAt(authorization.length - 1) > 0 ? set : undefined
}

/**
 * And what a page asks: who it is.
 * @template {{ accessToken: string, claims: object }} Set
 * @param {Set} set
 */
function tokenAndClaimsOf(set) {
  return set.claims === undefined ? undefined : tokenOf(set)
}

/**
 * @param {Tokens} tokens
 * @returns {Contender}
 */
function record(tokens) {
  const ring = createKeyRing(generateKeyRing())
  const binding = { site: 'https://app.example', issuer: tokens.issuer, clientId: tokens.clientId }
  const random = (/** @type {number} */ length) => new Uint8Array(randomBytes(length))
  const records = createRecords(ring, binding, random)
  const ticket = createTicket(random)
  const contents = contentsOf(tokens)
  const card = { subject: tokens.subject, createdAt: contents.createdAt, userAgent: 'Mozilla/5.0' }
  const seal = () => records.seal(ticket, contents, card)
  const { dataKey: _, ...sealed } = seal()
  const { createdAt, subjectKey } = contents
  const times = { createdAt, lastSeenAt: createdAt, expiresAt: createdAt + 1 }
  const stored = {
    format: /** @type {1} */ (1),
    id: ticket.id,
    version: 1,
    ...times,
    subjectKey,
    ...sealed,
  }
  const open = () => {
    const parsed = parseTicket(ticket.value)
    const opened = parsed === undefined ? undefined : records.open(stored, parsed)
    return opened?.ok ? tokenAndClaimsOf(opened.contents.tokenSet) : undefined
  }
  return {
    title: RECORD,
    bytes: sealed.body.length + sealed.card.length + (sealed.wraps[0]?.length ?? 0),
    seal,
    open,
    check: async () => expectTokens(open(), tokens),
  }
}

/**
 * @param {Tokens} tokens
 * @returns {Contender}
 */
function gcmOverJson(tokens) {
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
function leastOpening(tokens) {
  const { issuer, clientId } = tokens
  const { tokenSet, createdAt, absoluteEndsAt } = contentsOf(tokens)
  const id = randomBytes(16).toString('base64url')
  const contents = { id, tokenSet, createdAt, absoluteEndsAt, sealedAt: createdAt }
  const { length } = packContents(contents, { issuer, clientId })
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
function ironSession(tokens) {
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

// What a common provider answers: two RS256 tokens, an opaque refresh token.
function sampleTokens() {
  const part = (/** @type {unknown} */ value) =>
    Buffer.from(JSON.stringify(value)).toString('base64url')
  const jwt = (/** @type {Record<string, unknown>} */ claims) =>
    `${part({ alg: 'RS256', typ: 'JWT', kid: 'b2f8c1d0-1f2e-4c55' })}.${part(claims)}.${randomBytes(256).toString('base64url')}`
  const claims = {
    iss: 'https://idp.example/realms/main',
    sub: '7c9e6679-7425-40de-944b-e07fc1f90ae7',
    aud: 'app',
    exp: 1_800_000_300,
    iat: 1_800_000_000,
    auth_time: 1_799_999_990,
    nonce: randomBytes(32).toString('base64url'),
    sid: randomBytes(16).toString('hex'),
    name: 'Ada Lovelace',
    given_name: 'Ada',
    family_name: 'Lovelace',
    preferred_username: 'ada',
    email: 'ada@app.example',
    email_verified: true,
    locale: 'en',
  }
  const roles = Array.from({ length: 24 }, (_, index) => `app:orders:role-${index}`)
  return {
    issuer: claims.iss,
    clientId: 'app',
    subject: claims.sub,
    accessToken: jwt({ ...claims, scope: 'openid profile email', roles }),
    refreshToken: randomBytes(48).toString('base64url'),
    idToken: jwt(claims),
    accessTokenExpiresAt: 1_800_000_300_000,
    accessTokenReceivedAt: 1_800_000_000_000,
    tokenType: /** @type {'Bearer'} */ ('Bearer'),
    accessTokenKind: /** @type {'jwt'} */ ('jwt'),
    scope: 'openid profile email',
    claims,
  }
}

/** @param {Tokens} tokens */
function contentsOf(tokens) {
  return {
    tokenSet: restoreVerifiedTokenSet(tokens),
    createdAt: 1_800_000_000_000,
    absoluteEndsAt: 1_800_043_200_000,
    subjectKey: 'zT9Hk3lq0oQbWkZ2f1Uq6b0mY5m8Wc1d2e3f4g5h6i7',
  }
}

/**
 * All of it is there again, whichever part the measurement asks for.
 * @param {Partial<Tokens> | import('../packages/coatcheck/dist/tokens/verified-token-set.js').VerifiedTokenSet | undefined} opened
 * @param {Tokens} tokens
 */
function expectTokens(opened, tokens) {
  for (const [name, value] of Object.entries(tokens)) {
    if (isDeepStrictEqual(opened?.[/** @type {keyof Tokens} */ (name)], value)) continue
    throw new Error(`what was opened is not what was sealed: ${name}`)
  }
}
