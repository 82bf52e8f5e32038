// @ts-check
// Sealing a token set: our sealed value and our session record against AES-256-GCM over JSON and iron-session.
//
// The sealed value is what a session's cookie holds, not deflated: contents packed, then sealed. (It was once the
// frame of session records under a cookie's seal, which nothing uses.) All give back three tokens, claims and times.
// Ours writes a token out when it is asked for, so what nearly every request asks for counts as opening: the
// access token, in one piece, and the claims. In both directions ours also binds site, issuer and client, and gives
// back a set that is frozen and branded; the bare cipher does none of that.
import { createCipheriv, createDecipheriv, createSecretKey, randomBytes } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { createKeyRing, generateKeyRing } from 'coatcheck/ring'
import { sealData, unsealData } from 'iron-session'
import { measureRates, ratio, typicalRates } from '/work/main/bench/rates.mjs'
import { keptContext } from '/work/main/packages/coatcheck/dist/seal/place.js'
import { openValue, sealValue } from '/work/main/packages/coatcheck/dist/seal/seal-value.js'
import {
  packContents,
  unpackContents,
} from '/work/main/packages/coatcheck/dist/sessions/packed-contents.js'
import { createRecords } from '/work/main/packages/coatcheck/dist/sessions/record.js'
import { createTicket, parseTicket } from '/work/main/packages/coatcheck/dist/sessions/ticket.js'
import { restoreVerifiedTokenSet } from '/work/main/packages/coatcheck/dist/tokens/restore-verified.js'

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
  return {
    rows,
    figures: [
      figure(GCM, 'seal', 1.4),
      figure(GCM, 'open', 1.4),
      figure(IRON, 'seal', 30),
      figure(IRON, 'open', 60),
    ],
  }
}

const SEALED = 'coatcheck, sealed value (XAES-256-GCM)'
const RECORD = 'coatcheck, session record'
const GCM = 'AES-256-GCM over JSON, kept key'
const IRON = 'iron-session 9'

/** @typedef {{ title: string, bytes: number, seal: () => unknown, open: () => unknown, check: () => Promise<void> }} Contender */

/** @returns {Contender[]} */
function createContenders() {
  const tokens = sampleTokens()
  return [sealedValue(tokens), gcmOverJson(tokens), ironSession(tokens), record(tokens)]
}

/** @typedef {ReturnType<typeof sampleTokens>} Tokens */

/**
 * @param {Tokens} tokens
 * @returns {Contender}
 */
function sealedValue(tokens) {
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
    title: SEALED,
    bytes: value.length,
    seal,
    open,
    check: async () => expectTokens(open(), tokens),
  }
}

/**
 * What a request asks of a set: the header of the call that it makes, and who it is for.
 * @template {{ accessToken: string, claims: object }} Set
 * @param {Set} set
 */
function use(set) {
  const authorization = `Bearer ${set.accessToken}`
  // A character makes one piece of the parts, as sending it does.
  const isWhole = authorization.charCodeAt(authorization.length - 1) > 0
  return isWhole && set.claims !== undefined ? set : undefined
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
    return opened?.ok ? use(opened.contents.tokenSet) : undefined
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
    return use(JSON.parse(text.toString()))
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
 * @param {Partial<Tokens> | import('/work/main/packages/coatcheck/dist/tokens/verified-token-set.js').VerifiedTokenSet | undefined} opened
 * @param {Tokens} tokens
 */
function expectTokens(opened, tokens) {
  for (const [name, value] of Object.entries(tokens)) {
    if (isDeepStrictEqual(opened?.[/** @type {keyof Tokens} */ (name)], value)) continue
    throw new Error(`what was opened is not what was sealed: ${name}`)
  }
}
const T = sampleTokens()
const ring = createKeyRing(generateKeyRing())
const known = { issuer: T.issuer, clientId: T.clientId }
const context = keptContext('https://app.example', T.issuer, T.clientId)
const c0 = contentsOf(T)
const contents = {
  id: randomBytes(16).toString('base64url'),
  tokenSet: c0.tokenSet,
  createdAt: c0.createdAt,
  absoluteEndsAt: c0.absoluteEndsAt,
  sealedAt: c0.createdAt,
}
const packed = packContents(contents, known)
const value = sealValue(ring, { purpose: 'seal', context, bytes: packed })
const g = gcmOverJson(T)
const json = JSON.stringify(T.claims)
const { accessToken } = T
const parts = accessToken.split('.').map((p) => Buffer.from(p, 'base64url'))
const variants = {
  gcm: () => g.open(),
  full: () => {
    const o = openValue(ring, { purpose: 'seal', context, value })
    return use(unpackContents(o.bytes, known).tokenSet)
  },
  openValue: () => openValue(ring, { purpose: 'seal', context, value }),
  unpack: () => unpackContents(packed, known),
  unpackUse: () => use(unpackContents(packed, known).tokenSet),
  parse: () => JSON.parse(json),
  mint: () =>
    restoreVerifiedTokenSet({
      ...T,
      claims: {},
      accessToken: () => 'x',
      idToken: () => 'y',
      refreshToken: () => 'z',
    }),
  freeze: () =>
    restoreVerifiedTokenSet({
      ...T,
      claims: JSON.parse(json),
      accessToken: () => 'x',
      idToken: () => 'y',
      refreshToken: () => 'z',
    }),
  b64: () => {
    const s = `${parts[0].toString('base64url')}.${parts[1].toString('base64url')}.${parts[2].toString('base64url')}`
    return s.charCodeAt(s.length - 1)
  },
}
const N = 2000
const seen = Object.fromEntries(Object.keys(variants).map((k) => [k, []]))
for (let r = 0; r < 60; r++)
  for (const [k, f] of Object.entries(variants)) {
    const b = process.hrtime.bigint()
    for (let i = 0; i < N; i++) f()
    if (r > 8) seen[k].push(Number(process.hrtime.bigint() - b) / N)
  }
for (const [k, v] of Object.entries(seen)) {
  v.sort((a, b) => a - b)
  console.log(k.padEnd(12), (v[5] / 1000).toFixed(2), (v[v.length >> 1] / 1000).toFixed(2), 'us')
}
