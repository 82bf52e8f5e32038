// @ts-check
// Sealed cookies, changed at random in every way that there is a name for.
import { randomBytes, randomInt } from 'node:crypto'
import { createKeyRing, generateKeyRing } from 'coatcheck/ring'
import { createSealedCookies } from '../packages/coatcheck/dist/sessions/sealed-cookie.js'
import { restoreVerifiedTokenSet } from '../packages/coatcheck/dist/tokens/restore-verified.js'
import { WAYS } from './mutations/ways.mjs'

export const name = 'mutations'
export const about = 'Sealed session cookies, of one and of several chunks, changed at random.'
export const aim = 'none accepted, none thrown: each refused with a reason'

/** @typedef {import('./mutations/ways.mjs').Jar} Jar */
/** @typedef {{ tried: number, accepted: number, thrown: number, reasons: Map<string, number> }} Tally */
/** @typedef {{ title: string, open: (header: string) => { ok: boolean, reason?: string }, jar: Jar, other: Jar }} Target */

const LONG_SECONDS = 120
const LONG_MUTATIONS = 1_000_000
const SLICE = 500

/** @param {{ seconds: number, log: (line: string) => void }} options */
export async function run({ seconds, log }) {
  const targets = createTargets()
  for (const { title, open, jar } of targets) {
    if (!open(headerOf(jar)).ok) throw new Error(`${title}: not opened though nothing was changed`)
  }
  const ways = Object.entries(WAYS)
  /** @type {Map<string, Tally>} */
  const tallies = new Map(
    ways.map(([way]) => [way, { tried: 0, accepted: 0, thrown: 0, reasons: new Map() }]),
  )
  const until = performance.now() + seconds * 1000
  const least = seconds >= LONG_SECONDS ? LONG_MUTATIONS : SLICE
  let tried = 0
  let told = 0
  while (tried < least || performance.now() < until) {
    for (let index = 0; index < SLICE; index += 1) {
      const target = targets[index % targets.length]
      const [way, change] = ways[randomInt(ways.length)] ?? []
      const tally = tallies.get(way ?? '')
      if (target === undefined || change === undefined || tally === undefined) continue
      if (attempt(target, change(target.jar, target.other), tally)) tried += 1
    }
    if (tried - told >= 250_000) {
      told = tried
      log(`${tried} mutations`)
    }
  }
  return summary(tallies, tried, least)
}

/**
 * One changed jar at one target; false when it reads as one that was sealed like that.
 * @param {Target} target
 * @param {Jar} changed
 * @param {Tally} tally
 */
function attempt({ open, jar, other }, changed, tally) {
  if (isSame(jar, changed) || isSame(other, changed)) return false
  tally.tried += 1
  try {
    const opened = open(headerOf(changed))
    if (opened.ok) tally.accepted += 1
    const reason = opened.reason ?? 'accepted'
    tally.reasons.set(reason, (tally.reasons.get(reason) ?? 0) + 1)
  } catch {
    tally.thrown += 1
  }
  return true
}

/** @param {Map<string, Tally>} tallies @param {number} tried @param {number} least */
function summary(tallies, tried, least) {
  const all = [...tallies.values()]
  const accepted = all.reduce((sum, tally) => sum + tally.accepted, 0)
  const thrown = all.reduce((sum, tally) => sum + tally.thrown, 0)
  const rows = [...tallies].map(([way, tally]) => ({
    changed: way,
    tried: tally.tried,
    accepted: tally.accepted,
    thrown: tally.thrown,
    refused: [...tally.reasons.keys()].sort().join(', '),
  }))
  const zero = (/** @type {string} */ title, /** @type {number} */ value) => ({
    name: title,
    value,
    aim: `none of ${tried}`,
    ok: value === 0,
  })
  return {
    rows,
    figures: [
      zero('mutations accepted', accepted),
      zero('mutations that threw', thrown),
      { name: 'mutations tried', value: tried, aim: `>= ${least}`, ok: tried >= least },
    ],
  }
}

/** One cookie and chunks, deflated and not, under the current key and a former one. @returns {Target[]} */
function createTargets() {
  const [older, newer] = [generateKeyRing(), generateKeyRing()]
  const former = createKeyRing(older)
  const ring = createKeyRing({
    version: 1,
    keys: [
      ...newer.keys,
      ...older.keys.map((key) => ({ ...key, state: /** @type {const} */ ('opening') })),
    ],
  })
  return [
    target('one cookie', ring, ring, 100, 'never'),
    target('one cookie, deflated', ring, ring, 100, 'always'),
    target('two chunks', ring, ring, 3500, 'never'),
    target('three chunks, a former key', former, ring, 6500, 'always'),
  ]
}

/**
 * @param {string} title
 * @param {import('coatcheck/ring').KeyRing} sealing
 * @param {import('coatcheck/ring').KeyRing} opening
 * @param {number} bytes
 * @param {'never' | 'always'} deflate
 * @returns {Target}
 */
function target(title, sealing, opening, bytes, deflate) {
  const options = {
    site: 'https://app.example',
    issuer: 'https://idp.example',
    clientId: 'app',
    name: '__Host-Http-coatcheck',
    attributes: /** @type {const} */ ({
      secure: true,
      httpOnly: true,
      sameSite: 'Strict',
      path: '/',
    }),
    clock: () => Date.now(),
    random: (/** @type {number} */ length) => new Uint8Array(randomBytes(length)),
    budgetBytes: 65_536,
    deflate,
  }
  const cookies = createSealedCookies({ ...options, ring: sealing })
  const jar = () => {
    const sealed = cookies.seal(contents(bytes), cookies.open(undefined))
    return sealed.ok ? sealed.setCookies.map(pairOf) : []
  }
  return {
    title,
    open: createSealedCookies({ ...options, ring: opening }).open,
    jar: jar(),
    other: jar(),
  }
}

/** @param {number} bytes */
function contents(bytes) {
  const claims = { iss: 'https://idp.example', sub: 'u-ada-1815', email: 'ada@app.example' }
  const part = (/** @type {unknown} */ value) =>
    Buffer.from(JSON.stringify(value)).toString('base64url')
  const jwt = `${part({ alg: 'ES256', typ: 'JWT' })}.${part(claims)}.${randomBytes(64).toString('base64url')}`
  const now = Date.now()
  return {
    id: randomBytes(16).toString('base64url'),
    tokenSet: restoreVerifiedTokenSet({
      issuer: claims.iss,
      clientId: 'app',
      subject: claims.sub,
      accessToken: jwt,
      tokenType: 'Bearer',
      accessTokenKind: 'jwt',
      refreshToken: randomBytes(bytes).toString('base64url'),
      idToken: jwt,
      claims,
    }),
    createdAt: now,
    absoluteEndsAt: now + 43_200_000,
  }
}

/** @param {string} setCookie @returns {readonly [string, string]} */
function pairOf(setCookie) {
  const pair = setCookie.slice(0, setCookie.indexOf(';'))
  const equals = pair.indexOf('=')
  return [pair.slice(0, equals), pair.slice(equals + 1)]
}

/** @param {Jar} jar */
function headerOf(jar) {
  return jar.map((pair) => pair.join('=')).join('; ')
}

// As a server reads it: a value ends at a semicolon, white space around it is none of it.
/** @param {Jar} jar @param {Jar} changed */
function isSame(jar, changed) {
  const read = (/** @type {Jar} */ pairs) =>
    pairs.map(
      ([name, value]) => `${name}=${(value.split(';')[0] ?? '').replace(/^[ \t]+|[ \t]+$/g, '')}`,
    )
  return read(jar).join() === read(changed).join()
}
