// @ts-check
// Sealing a token set: our sealed value and our session record against AES-256-GCM over JSON and iron-session.
import { createCipheriv, createDecipheriv, createSecretKey, randomBytes } from 'node:crypto'
import { createKeyRing, generateKeyRing } from 'coatcheck/ring'
import { sealData, unsealData } from 'iron-session'
import { openValue, sealValue } from '../packages/coatcheck/dist/seal/seal-value.js'
import { decodeContents, encodeContents } from '../packages/coatcheck/dist/sessions/contents.js'
import { createRecords } from '../packages/coatcheck/dist/sessions/record.js'
import { createTicket, parseTicket } from '../packages/coatcheck/dist/sessions/ticket.js'
import { restoreVerifiedTokenSet } from '../packages/coatcheck/dist/tokens/restore-verified.js'
import { median, medianRatio } from './compare.mjs'

export const name = 'seal'
export const about =
  'Sealing and opening a 3.4 KB token set. Ratios are medians over rounds in which all take turns.'
export const aim = 'at least 1.4 times AES-256-GCM over JSON, 30 and 60 times iron-session'

const SLICES = 8

/**
 * @param {{ seconds: number, log: (line: string) => void }} options
 */
export async function run({ seconds, log }) {
  const contenders = createContenders()
  for (const contender of contenders) await contender.check()
  const rounds = seconds >= 20 ? 15 : 3
  const sliceMs = Math.max(20, (seconds * 1000) / (contenders.length * rounds * 2))
  /** @type {Map<string, { seal: number[], open: number[] }>} */
  const seen = new Map(contenders.map(({ title }) => [title, { seal: [], open: [] }]))
  for (const { seal, open } of contenders) {
    await perSecond(seal, 50)
    await perSecond(open, 50)
  }
  for (let round = 0; round < rounds; round += 1) {
    for (const { title, seal, open } of contenders) {
      seen.get(title)?.seal.push(await perSecond(seal, sliceMs))
      seen.get(title)?.open.push(await perSecond(open, sliceMs))
    }
    if (round % 5 === 4) log(`round ${round + 1} of ${rounds}`)
  }
  /** @param {string} title */
  const of = (title) => seen.get(title) ?? { seal: [], open: [] }
  const rows = contenders.map(({ title, bytes }) => ({
    what: title,
    'seals per second': Math.round(median(of(title).seal)),
    'opens per second': Math.round(median(of(title).open)),
    bytes,
  }))
  /**
   * @param {string} against
   * @param {'seal' | 'open'} way
   * @param {number} least
   */
  const figure = (against, way, least) => {
    const value = medianRatio(of(SEALED)[way], of(against)[way])
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
  const context = ['https://app.example', tokens.issuer, tokens.clientId]
  const contents = contentsOf(tokens)
  const seal = () => sealValue(ring, { purpose: 'seal', context, bytes: encodeContents(contents) })
  const value = seal()
  const open = () => {
    const opened = openValue(ring, { purpose: 'seal', context, value })
    return opened.ok ? decodeContents(opened.bytes) : undefined
  }
  return {
    title: SEALED,
    bytes: value.length,
    seal,
    open,
    check: async () => expectToken(open()?.tokenSet.accessToken, tokens),
  }
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
    return opened?.ok ? opened.contents : undefined
  }
  return {
    title: RECORD,
    bytes: sealed.body.length + sealed.card.length + (sealed.wraps[0]?.length ?? 0),
    seal,
    open,
    check: async () => expectToken(open()?.tokenSet.accessToken, tokens),
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
    return JSON.parse(text.toString())
  }
  return {
    title: GCM,
    bytes: value.length,
    seal,
    open,
    check: async () => expectToken(open().accessToken, tokens),
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
      expectToken(opened.accessToken, tokens)
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
 * @param {unknown} token
 * @param {Tokens} tokens
 */
function expectToken(token, tokens) {
  if (token !== tokens.accessToken) throw new Error('what was opened is not what was sealed')
}

/**
 * @param {() => unknown} work
 * @param {number} ms
 */
async function perSecond(work, ms) {
  const startedAt = performance.now()
  const until = startedAt + ms
  let count = 0
  while (performance.now() < until) {
    for (let index = 0; index < SLICES; index += 1) {
      const result = work()
      if (result instanceof Promise) await result
    }
    count += SLICES
  }
  return (count * 1000) / (performance.now() - startedAt)
}
