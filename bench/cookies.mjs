// @ts-check
// Sealed session cookies: bytes and number for four providers' token sets, and rates, beside iron-session and Auth.js.
import { randomBytes } from 'node:crypto'
import { decode, encode } from '@auth/core/jwt'
import { createKeyRing, generateKeyRing } from 'coatcheck/ring'
import { sealData, unsealData } from 'iron-session'
import { cookieCount } from '../packages/coatcheck/dist/cookies/chunks.js'
import { createSealedCookies } from '../packages/coatcheck/dist/sessions/sealed-cookie.js'
import { restoreVerifiedTokenSet } from '../packages/coatcheck/dist/tokens/restore-verified.js'
import { median, medianRatio } from './compare.mjs'
import { createShapes, tokenBytes } from './cookies/shapes.mjs'

export const name = 'cookies'
export const about =
  'A session in cookies: token sets as Auth0, Entra ID, Keycloak and Google make them. Bytes are those of the Cookie header; the peers keep the tokens alone, without the claims that we give back. iron-session leaves cookies of more than 4096 bytes to its user. Rates are of the Auth0 set, medians over rounds in which all take turns.'
export const aim = 'one cookie for each, for Auth0 at most 0.42 of the bytes of iron-session'

const NAME = '__Host-Http-coatcheck'
const SLICES = 4
const [USUAL, SMALLEST, IRON, AUTHJS] = [
  'coatcheck',
  'coatcheck, always deflated',
  'iron-session 9',
  'Auth.js',
]

/**
 * @typedef {import('./cookies/shapes.mjs').Shape} Shape
 * @typedef {{ bytes: number, cookies: number }} Size
 * @typedef {{ title: string, seal: () => unknown, open: () => unknown, size: Size }} Contender
 */

/** @param {{ seconds: number, log: (line: string) => void }} options */
export async function run({ seconds, log }) {
  const shapes = await createShapes()
  /** @type {Map<string, Contender[]>} */
  const all = new Map()
  for (const shape of shapes) all.set(shape.title, await createContenders(shape))
  const rates = await measure(all.get('Auth0') ?? [], seconds, log)
  const rows = shapes.flatMap((shape) => sizeRows(shape, all.get(shape.title) ?? []))
  return { rows: [...rows, ...rateRows(rates)], figures: figuresOf(shapes, all) }
}

/** @param {Shape} shape @param {readonly Contender[]} contenders */
function sizeRows(shape, contenders) {
  const peer = sizeOf(contenders, IRON).bytes
  return contenders.map(({ title, size }) => ({
    'token set': `${shape.title}, ${tokenBytes(shape)} bytes`,
    contender: title,
    bytes: size.bytes,
    cookies: size.cookies,
    'of iron-session': (size.bytes / peer).toFixed(2),
  }))
}

/** @param {Rates} rates */
function rateRows(rates) {
  const peer = rates.get(IRON) ?? { seal: [], open: [] }
  return [...rates].map(([title, { seal, open }]) => ({
    'token set': 'Auth0, rates',
    contender: title,
    'seals per second': Math.round(median(seal)),
    'opens per second': Math.round(median(open)),
    'times iron-session': `${medianRatio(seal, peer.seal).toFixed(1)}, ${medianRatio(open, peer.open).toFixed(1)}`,
  }))
}

/** @param {readonly Shape[]} shapes @param {ReadonlyMap<string, Contender[]>} all */
function figuresOf(shapes, all) {
  const auth0 = all.get('Auth0') ?? []
  const ratio = sizeOf(auth0, SMALLEST).bytes / sizeOf(auth0, IRON).bytes
  const most = Math.max(...shapes.map(({ title }) => sizeOf(all.get(title) ?? [], USUAL).cookies))
  return [
    figure('bytes of Auth0, always deflated, of iron-session', ratio, '<= 0.42', ratio <= 0.42),
    figure('cookies of the largest', most, '1', most === 1),
  ]
}

/** @param {string} name @param {number} value @param {string} aim @param {boolean} ok */
function figure(name, value, aim, ok) {
  return { name, value: Number(value.toFixed(3)), aim, ok }
}

/** @param {readonly Contender[]} contenders @param {string} title @returns {Size} */
function sizeOf(contenders, title) {
  return contenders.find((contender) => contender.title === title)?.size ?? { bytes: 0, cookies: 0 }
}

/** @param {Shape} shape @returns {Promise<Contender[]>} */
async function createContenders(shape) {
  return [
    sealedCookie(shape, USUAL, 'to_save_a_cookie'),
    sealedCookie(shape, SMALLEST, 'always'),
    await ironSession(shape),
    await authJs(shape),
  ]
}

/**
 * @param {Shape} shape
 * @param {string} title
 * @param {'to_save_a_cookie' | 'always'} deflate
 * @returns {Contender}
 */
function sealedCookie({ tokens }, title, deflate) {
  const { issuer, clientId } = tokens
  const cookies = createSealedCookies({
    ring: createKeyRing(generateKeyRing()),
    site: 'https://app.example',
    issuer,
    clientId,
    name: NAME,
    attributes: { secure: true, httpOnly: true, sameSite: 'Strict', path: '/' },
    clock: () => Date.now(),
    random: (length) => new Uint8Array(randomBytes(length)),
    deflate,
  })
  const createdAt = tokens.accessTokenReceivedAt
  const contents = {
    id: randomBytes(16).toString('base64url'),
    tokenSet: restoreVerifiedTokenSet(tokens),
    createdAt,
    absoluteEndsAt: createdAt + 43_200_000,
  }
  const nobody = cookies.open(undefined)
  const seal = () => cookies.seal(contents, nobody)
  const sealed = seal()
  if (!sealed.ok) throw new Error(`${title}: ${sealed.bytes} bytes`)
  const header = sealed.setCookies.map((line) => line.slice(0, line.indexOf(';'))).join('; ')
  const open = () => cookies.open(header)
  const opened = open()
  expectToken(opened.ok ? opened.contents.tokenSet.accessToken : undefined, tokens)
  return { title, seal, open, size: { bytes: header.length, cookies: sealed.setCookies.length } }
}

/** @param {Shape} shape @returns {Promise<Contender>} */
async function ironSession({ tokens }) {
  const options = { password: randomBytes(32).toString('base64url'), ttl: 0 }
  const { claims: _, ...kept } = tokens
  const value = await sealData(kept, options)
  const opened = /** @type {typeof tokens} */ (await unsealData(value, options))
  expectToken(opened.accessToken, tokens)
  return {
    title: IRON,
    seal: () => sealData(kept, options),
    open: () => unsealData(value, options),
    size: { bytes: NAME.length + 1 + value.length, cookies: cookieCount(NAME, value.length) },
  }
}

/** @param {Shape} shape @returns {Promise<Contender>} */
async function authJs({ tokens }) {
  const name = '__Secure-authjs.session-token'
  const options = { secret: randomBytes(32).toString('base64url'), salt: name }
  const { claims: _, ...kept } = tokens
  const value = await encode({ token: kept, ...options })
  expectToken((await decode({ token: value, ...options }))?.accessToken, tokens)
  const { SessionStore } = await import(
    new URL('lib/utils/cookie.js', import.meta.resolve('@auth/core/jwt')).href
  )
  const store = new SessionStore({ name, options: {} }, {}, { debug: () => {} })
  /** @type {{ name: string, value: string }[]} */
  const cookies = store.chunk(value, {})
  const header = cookies.map((cookie) => `${cookie.name}=${cookie.value}`).join('; ')
  return {
    title: AUTHJS,
    seal: () => encode({ token: kept, ...options }),
    open: () => decode({ token: value, ...options }),
    size: { bytes: header.length, cookies: cookies.length },
  }
}

/** @param {unknown} token @param {import('./cookies/shapes.mjs').TokenSet} tokens */
function expectToken(token, tokens) {
  if (token !== tokens.accessToken) throw new Error('what was opened is not what was sealed')
}

/** @typedef {Map<string, { seal: number[], open: number[] }>} Rates */

/**
 * @param {readonly Contender[]} contenders
 * @param {number} seconds
 * @param {(line: string) => void} log
 */
async function measure(contenders, seconds, log) {
  const rounds = seconds >= 20 ? 15 : 3
  const sliceMs = Math.max(20, (seconds * 1000) / (contenders.length * rounds * 2))
  /** @type {Rates} */
  const rates = new Map(contenders.map(({ title }) => [title, { seal: [], open: [] }]))
  for (const { seal, open } of contenders) {
    await perSecond(seal, 50)
    await perSecond(open, 50)
  }
  for (let round = 0; round < rounds; round += 1) {
    for (const { title, seal, open } of contenders) {
      rates.get(title)?.seal.push(await perSecond(seal, sliceMs))
      rates.get(title)?.open.push(await perSecond(open, sliceMs))
    }
    if (round % 5 === 4) log(`round ${round + 1} of ${rounds}`)
  }
  return rates
}

/** @param {() => unknown} work @param {number} ms */
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
