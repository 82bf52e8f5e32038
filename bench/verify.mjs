// @ts-check
// Verifying a JWT, new and seen before: our verifier against node:crypto bare, fast-jwt and jose.
import { verify as verifyBare } from 'node:crypto'
import { createVerifier } from 'coatcheck/tokens'
import { createVerifier as createFastJwt } from 'fast-jwt'
import { importJWK, jwtVerify } from 'jose'
import { keyPair, makeToken, publicJwk } from '../lab/hostile-tokens/signer.mjs'
import { median, medianRatio } from './compare.mjs'

export const name = 'verify'
export const about =
  'Verifying a 1 KB access token, one thread: tokens per second, and CPU time for each. Ratios are of CPU time, medians over rounds in which all take turns. Tokens seen before arrive as new strings, 1,000 different ones in turn.'
export const aim =
  'RS256, ES256, EdDSA: 3, 1.5, 1.5 times jose and 0.85 of node:crypto; seen before: 25 times jose'

const ISSUER = 'https://idp.example'
const AUDIENCE = 'https://api.example'
const BATCH = 8
const DISTINCT = 1000
const SLICE_MS = 25

/** @typedef {{ title: string, work: () => unknown, perSecond: number[], cpuMicros: number[] }} Contender */
/** @typedef {{ alg: string, kind: 'RSA' | 'P-256' | 'Ed25519', overJose: number }} Case */

/** @type {readonly Case[]} */
const CASES = [
  { alg: 'RS256', kind: 'RSA', overJose: 3 },
  { alg: 'ES256', kind: 'P-256', overJose: 1.5 },
  { alg: 'EdDSA', kind: 'Ed25519', overJose: 1.5 },
]

/** @param {{ seconds: number, log: (line: string) => void }} options */
export async function run({ seconds, log }) {
  const groups = []
  for (const one of CASES) groups.push({ ...one, contenders: await freshContenders(one) })
  const seen = await seenContenders()
  const all = [...groups.flatMap(({ contenders }) => contenders), ...seen]
  for (const { work } of all) await measure(work, 150)
  // Short slices, many rounds: what disturbs the machine then disturbs all of them alike.
  const rounds = Math.max(3, Math.round((seconds * 1000) / (all.length * SLICE_MS)))
  for (let round = 0; round < rounds; round += 1) {
    for (const { work, perSecond, cpuMicros } of all) {
      const slice = await measure(work, SLICE_MS)
      perSecond.push(slice.perSecond)
      cpuMicros.push(slice.cpuMicros)
    }
    if (round % 20 === 19) log(`round ${round + 1} of ${rounds}`)
  }
  const figures = groups.flatMap(({ alg, overJose, contenders }) => [
    figure(`${alg} against jose`, contenders, 'jose', overJose),
    figure(`${alg} against node:crypto`, contenders, 'node:crypto', 0.85),
  ])
  const rows = [...groups.map(({ alg, contenders }) => row(alg, contenders)), row('seen', seen)]
  return { rows, figures: [...figures, figure('seen before against jose', seen, 'jose', 25)] }
}

/** @param {Case} one @returns {Promise<Contender[]>} */
async function freshContenders({ alg, kind }) {
  const { token, jwks, pair } = material(alg, kind)
  const verifier = createVerifier({ issuer: ISSUER, audience: AUDIENCE, jwks, cache: false })
  const josed = await joseVerifier(jwks, alg)
  const fast = fastVerifier(pair, alg, false)
  const [header, payload, tail = ''] = token.split('.')
  const data = Buffer.from(`${header}.${payload}`)
  const signature = Buffer.from(tail, 'base64url')
  const bareKey =
    kind === 'P-256'
      ? { key: pair.publicKey, dsaEncoding: /** @type {const} */ ('ieee-p1363') }
      : pair.publicKey
  const digest = alg === 'EdDSA' ? null : 'sha256'
  return checked([
    ['coatcheck', () => verifier.verify(token)],
    ['jose', () => josed(token)],
    ['fast-jwt', () => fast(token)],
    ['node:crypto', () => verifyBare(digest, data, bareKey, signature)],
  ])
}

// A header of each request is a new string: whatever is kept by it must be found anew.
/** @returns {Promise<Contender[]>} */
async function seenContenders() {
  const { jwks, pair, tokens } = material('RS256', 'RSA', DISTINCT)
  const bytes = tokens.map((token) => Buffer.from(token))
  let turn = 0
  const next = () => {
    turn = (turn + 1) % DISTINCT
    return bytes[turn]?.toString('latin1') ?? ''
  }
  const maxEntries = 2 * DISTINCT
  const options = { issuer: ISSUER, audience: AUDIENCE, jwks, cache: { maxEntries } }
  const verifier = createVerifier(options)
  const josed = await joseVerifier(jwks, 'RS256')
  const fast = fastVerifier(pair, 'RS256', maxEntries)
  for (const token of tokens) {
    await verifier.verify(token)
    fast(token)
  }
  return checked([
    ['coatcheck', () => verifier.verify(next())],
    ['jose', () => josed(next())],
    ['fast-jwt', () => fast(next())],
  ])
}

/** @param {[string, () => unknown][]} list @returns {Promise<Contender[]>} */
async function checked(list) {
  const contenders = []
  for (const [title, work] of list) {
    const result = await work()
    if (result === false || result === undefined) throw new Error(`${title} refused a good token`)
    contenders.push({ title, work, perSecond: [], cpuMicros: [] })
  }
  return contenders
}

/** @param {{ keys: Record<string, unknown>[] }} jwks @param {string} alg */
async function joseVerifier(jwks, alg) {
  const key = await importJWK(/** @type {import('jose').JWK} */ (jwks.keys[0]), alg)
  const options = { issuer: ISSUER, audience: AUDIENCE, algorithms: [alg] }
  return (/** @type {string} */ token) => jwtVerify(token, key, options)
}

/** @param {import('../lab/hostile-tokens/signer.mjs').KeyPair} pair @param {string} alg @param {number | false} cache */
function fastVerifier(pair, alg, cache) {
  const key = pair.publicKey.export({ format: 'pem', type: 'spki' }).toString()
  const algorithms = [/** @type {import('fast-jwt').Algorithm} */ (alg)]
  return createFastJwt({ key, algorithms, cache, allowedIss: ISSUER, allowedAud: AUDIENCE })
}

/** @param {string} alg @param {Case['kind']} kind @param {number} [count] */
function material(alg, kind, count = 1) {
  const pair = keyPair(kind)
  const now = Math.floor(Date.now() / 1000)
  const tokens = Array.from({ length: count }, (_, index) => {
    const claims = {
      iss: ISSUER,
      sub: `7c9e6679-7425-40de-944b-${index}`,
      aud: AUDIENCE,
      exp: now + 36_000,
      iat: now,
      jti: `b7f3a9d2c4e1-${index}`,
      client_id: 'app',
      scope: 'openid profile email orders:read orders:write',
      roles: Array.from({ length: 12 }, (_unused, role) => `app:orders:role-${role}`),
    }
    return makeToken({ alg, typ: 'at+jwt', kid: 'one' }, claims, pair.privateKey)
  })
  const jwks = { keys: [publicJwk(pair, { kid: 'one', alg })] }
  return { pair, jwks, tokens, token: tokens[0] ?? '' }
}

/** @param {string} label @param {readonly Contender[]} contenders */
function row(label, contenders) {
  const cells = contenders.map(({ title, perSecond, cpuMicros }) => [
    title,
    `${Math.round(median(perSecond))} per s, ${median(cpuMicros).toFixed(1)} us`,
  ])
  return { token: label === 'seen' ? 'RS256, seen before' : label, ...Object.fromEntries(cells) }
}

/** @param {string} label @param {readonly Contender[]} contenders @param {string} against @param {number} least */
function figure(label, contenders, against, least) {
  const cost = (/** @type {string} */ title) =>
    contenders.find((contender) => contender.title === title)?.cpuMicros ?? []
  const value = medianRatio(cost(against), cost('coatcheck'))
  return { name: label, value: Number(value.toFixed(2)), aim: `>= ${least}`, ok: value >= least }
}

/**
 * Tokens per second of the clock, and CPU time of the process for each: the first suffers from whatever
 * else the machine does, the second does not.
 *
 * @param {() => unknown} work
 * @param {number} ms
 */
async function measure(work, ms) {
  const startedAt = performance.now()
  const before = process.cpuUsage()
  let count = 0
  while (performance.now() - startedAt < ms) {
    for (let index = 0; index < BATCH; index += 1) {
      const result = work()
      if (result instanceof Promise) await result
    }
    count += BATCH
  }
  const { user, system } = process.cpuUsage(before)
  const perSecond = (count * 1000) / (performance.now() - startedAt)
  return { perSecond, cpuMicros: (user + system) / count }
}
