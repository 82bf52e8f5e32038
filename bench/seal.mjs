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
import { randomBytes } from 'node:crypto'
import { createKeyRing, generateKeyRing } from 'coatcheck/ring'
import { keptContext } from '../packages/coatcheck/dist/seal/place.js'
import { openValue, sealValue } from '../packages/coatcheck/dist/seal/seal-value.js'
import {
  packContents,
  unpackContents,
} from '../packages/coatcheck/dist/sessions/packed-contents.js'
import { createRecords } from '../packages/coatcheck/dist/sessions/record.js'
import { createTicket, parseTicket } from '../packages/coatcheck/dist/sessions/ticket.js'
import { measureRates, ratio, typicalRates } from './rates.mjs'
import { GCM, gcmOverJson, IRON, ironSession, LEAST, leastOpening } from './seal/peers.mjs'
import {
  contentsOf,
  cookieContentsOf,
  expectTokens,
  sampleTokens,
  tokenAndClaimsOf,
  tokenOf,
} from './seal/sample.mjs'

/** @typedef {import('./seal/sample.mjs').Contender} Contender */
/** @typedef {import('./seal/sample.mjs').Tokens} Tokens */

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
  const contents = cookieContentsOf(tokens)
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
